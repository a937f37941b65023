/** The little that is used of packages that have no types. */

declare module 'blessed-contrib/lib/widget/charts/line.js' {
  import type {Context} from 'drawille-canvas-blessed-contrib';

  export interface Series {
    readonly x: readonly string[];
    readonly y: readonly number[];
    readonly style: {readonly line: number};
  }

  export default class Line {
    options: {
      showNthLabel: number;
      xLabelPadding: number;
      xPadding: number;
      numYLabels: number;
      legend: object;
      minY: number;
      maxY: number;
      style: {line: number; text: number; baseline: number};
    };
    canvasSize: {width: number; height: number};
    ctx: Context;
    calcSize(): void;
    setData(series: readonly Series[]): void;
  }
}

declare module 'drawille-blessed-contrib' {
  export default class Canvas {
    constructor(width: number, height: number);
    frame(): string;
  }
}

declare module 'drawille-canvas-blessed-contrib' {
  import type Dots from 'drawille-blessed-contrib';

  export interface Context {
    readonly _canvas: Dots;
    moveTo(x: number, y: number): void;
    lineTo(x: number, y: number): void;
    fillText(text: string, x: number, y: number): void;
  }

  const module: {
    Canvas: new (
      width: number,
      height: number,
      dots: new (width: number, height: number) => Dots,
    ) => {getContext(): Context};
  };
  export default module;
}
