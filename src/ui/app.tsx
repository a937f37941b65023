/**
 * What Ink draws: everything that changes with a key or the size, and nothing that changes with a sample. Places come from the layout
 * functions that the painters use too; the text is safe before it gets here.
 */
import {Box, Text} from 'ink';
import type {ReactNode} from 'react';
import {type FooterTexts, layoutFooter} from './footer.js';
import {type DialogText, dialogText, helpLines, overlayRect} from './help.js';
import type {Column, Rect, ScreenLayout} from './layout.js';
import type {State} from './state.js';
import {styled} from './styled-text.js';

/** All that Ink draws from; it changes with keys, not with samples. */
export interface AppProps {
  readonly layout: ScreenLayout;
  readonly state: State;
  readonly columns: readonly Column[];
  readonly texts: FooterTexts;
}

/** The frame of the screen: labels, footer, dialogs. */
export function App({layout, state, columns, texts}: AppProps): ReactNode {
  const {rows, body} = layout;
  return (
    <Box width={layout.columns} height={rows} flexDirection="column" overflow="hidden">
      {layout.header >= 0 && <Box height={1} flexShrink={0} />}
      {layout.titles >= 0 && (
        <Box height={1} flexShrink={0}>
          {state.page.kind === 'table' && <Titles columns={columns} state={state} />}
        </Box>
      )}
      <Box height={body.height} flexShrink={0} overflow="hidden" flexDirection="column">
        <Body layout={layout} state={state} columns={columns} />
      </Box>
      {layout.footer >= 0 && <Footer state={state} width={layout.columns} texts={texts} />}
    </Box>
  );
}

function Body({layout, state, columns}: Pick<AppProps, 'layout' | 'state' | 'columns'>): ReactNode {
  const rect = overlayRect(state, layout);
  if (rect && state.overlay?.kind === 'help') return <Help state={state} rect={rect} scroll={state.overlay.scroll} />;
  const dialog = rect && state.overlay && dialogText(state, state.overlay, rect, columns);
  return dialog ? <Dialog rect={rect} top={rect.y - layout.body.y} text={dialog} /> : null;
}

/** One line of ready text. */
function Line({children}: {readonly children: string}): ReactNode {
  return <Text wrap="truncate">{children === '' ? ' ' : children}</Text>;
}

function Titles({columns, state}: Pick<AppProps, 'columns' | 'state'>): ReactNode {
  const {field, descending} = state.sort;
  let line = '';
  let used = 0;
  for (const {key, title, letter, x, width, right} of columns) {
    const sorted = key === field.key;
    const text = (sorted ? title + (descending ? '▼' : '▲') : title).slice(0, width);
    const at = right ? x + width - text.length : x;
    line += ' '.repeat(Math.max(0, at - used)) + styledTitle(text, letter, sorted);
    used = at + text.length;
  }
  return <Line>{line}</Line>;
}

/** With the letter that sorts by it underlined. */
function styledTitle(text: string, letter: string | null, sorted: boolean): string {
  const look = sorted ? 'sorted' : 'title';
  const at = letter === null ? -1 : text.indexOf(letter);
  if (at < 0) return styled(look, text);
  return (
    styled(look, text.slice(0, at)) + styled(`${look}Letter`, text.slice(at, at + 1)) + styled(look, text.slice(at + 1))
  );
}

function Footer({
  state,
  width,
  texts,
}: {
  readonly state: State;
  readonly width: number;
  readonly texts: FooterTexts;
}): ReactNode {
  const {before, caret, after, error, candidates, keys} = layoutFooter(state, width, texts);
  const keyText = keys.map(([key, label]) => `${styled('key', key)} ${styled('dim', label)}`).join('  ');
  const candidateText = candidates.map(({text, chosen}) => styled(chosen ? 'selected' : 'dim', text)).join('  ');
  return (
    <Box height={1} flexShrink={0} justifyContent="space-between">
      <Box flexShrink={0}>
        <Line>{styled('strong', before) + styled('caret', caret) + styled('strong', after)}</Line>
      </Box>
      <Box flexShrink={0}>
        <Line>{styled('error', error) + candidateText + keyText}</Line>
      </Box>
    </Box>
  );
}

function Help({state, rect, scroll}: {readonly state: State; readonly rect: Rect; readonly scroll: number}): ReactNode {
  return helpLines(state, rect.width)
    .slice(scroll, scroll + rect.height)
    .map((line, i) => <Line key={i}>{line}</Line>);
}

interface DialogProps {
  readonly rect: Rect;
  /** Lines above it. */
  readonly top: number;
  readonly text: DialogText;
}

function Dialog({rect, top, text: {title, lines}}: DialogProps): ReactNode {
  const inner = rect.width - 2;
  const edgeAbove = `┌─ ${title} ${'─'.repeat(Math.max(0, inner - title.length - 3))}┐`;
  const edge = styled('border', '│');
  return (
    <Box marginLeft={rect.x} marginTop={top} width={rect.width} flexDirection="column">
      <Line>{styled('border', edgeAbove)}</Line>
      {lines.map((line, i) => (
        <Box key={i} justifyContent="space-between">
          <Text>{`${edge} ${line}`}</Text>
          <Text>{edge}</Text>
        </Box>
      ))}
      <Line>{styled('border', `└${'─'.repeat(Math.max(0, inner))}┘`)}</Line>
    </Box>
  );
}
