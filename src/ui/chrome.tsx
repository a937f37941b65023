/**
 * Ink, kept where it is good: layout on keys. It renders into a sink (debug mode: one plain write a frame, whatever CI says), reads keys
 * from a pipe, and never meets the terminal. This file and what it imports are loaded after the first frame is out.
 */
import {Writable} from 'node:stream';
import {type Key, render, useInput} from 'ink';
import type {ReactNode} from 'react';
import {App, type AppProps} from './app.js';
import {type KeyName, keyNames, type KeyPipe} from './keys.js';

/** Ink's part of the screen. */
export interface Chrome {
  /** Draws; `frame` has been called when it returns. */
  render(props: AppProps): void;
  close(): void;
}

/** What it tells the screen. */
export interface ChromeEvents {
  /** A frame of styled text. */
  readonly frame: (frame: string) => void;
  readonly key: (key: KeyName) => void;
  /** A component threw. */
  readonly failed: (error: unknown) => void;
}

/** Stands for stdout towards Ink. Not a TTY, so that nothing but frames comes. */
class Sink extends Writable {
  columns = 80;
  rows = 24;
  readonly #frame: (frame: string) => void;

  constructor(frame: (frame: string) => void) {
    super({decodeStrings: false});
    this.#frame = frame;
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    const frame = String(chunk);
    if (frame !== '') this.#frame(frame);
    done();
  }
}

/** Starts Ink with a first frame. */
export function openChrome(pipe: KeyPipe, props: AppProps, events: ChromeEvents): Chrome {
  let closed = false;
  const sink = new Sink((frame) => {
    if (!closed) events.frame(frame);
  });
  const fit = ({layout}: AppProps) => {
    sink.columns = Math.max(1, layout.columns);
    sink.rows = Math.max(1, layout.rows);
  };
  fit(props);
  const instance = render(<Root {...props} onKey={events.key} />, {
    stdout: sink as unknown as NodeJS.WriteStream,
    stdin: pipe as unknown as NodeJS.ReadStream,
    debug: true,
    exitOnCtrlC: false,
    patchConsole: false,
    isScreenReaderEnabled: false,
  });
  instance.waitUntilExit().catch((error: unknown) => {
    if (!closed) events.failed(error);
  });
  return {
    render(next) {
      fit(next);
      instance.rerender(<Root {...next} onKey={events.key} />);
    },
    close() {
      closed = true;
      instance.unmount();
      instance.cleanup();
    },
  };
}

function Root({onKey, ...props}: AppProps & {readonly onKey: (key: KeyName) => void}): ReactNode {
  useInput((input: string, key: Key) => {
    for (const name of keyNames(input, key)) onKey(name);
  });
  return <App {...props} />;
}
