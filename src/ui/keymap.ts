/**
 * The one table of keys: what each does, where, and how the footer and the help say so. Handling, footer and help all read it, so none of
 * them can lag behind; a new key is one entry here and one case in `state.ts`.
 */
import type {KeyName} from './keys.js';
import type {ActionName, State} from './state.js';

/** What takes the keys at a moment. */
export type Scope = 'table' | 'detail' | 'help' | 'sort' | 'group' | 'prompt';

/** A key, where it applies, and what it does. */
export interface Binding {
  readonly keys: readonly KeyName[];
  readonly action: ActionName;
  readonly scopes: readonly Scope[];
  /** Whether it applies only while the view is paused, or only while it isn't; in both by default. */
  readonly paused?: boolean;
  /** What the help says; null: not worth a line. */
  readonly help: string | null;
  /** How keys and what they do are put in the footer, and how dear the place is: 1 stays longest. */
  readonly footer?: readonly [keys: string, label: string, rank: number];
}

const everywhere: readonly Scope[] = ['table', 'detail', 'help', 'sort', 'group', 'prompt'];
const dialogs: readonly Scope[] = ['sort', 'group'];
const pages: readonly Scope[] = ['table', 'detail'];
const lists: readonly Scope[] = ['table', 'detail', 'help', ...dialogs];

/** In the order of the help. */
export const keymap: readonly Binding[] = [
  {keys: ['up', 'k'], action: 'up', scopes: ['table', 'detail', 'help'], help: 'one line up'},
  {
    keys: ['down', 'j'],
    action: 'down',
    scopes: ['table', 'detail', 'help'],
    help: 'one line down',
    footer: ['↑↓', 'move', 6],
  },
  {keys: ['up'], action: 'up', scopes: dialogs, help: null},
  {keys: ['down'], action: 'down', scopes: dialogs, help: null, footer: ['↑↓', 'move', 6]},
  {keys: ['pageup', 'ctrl-b'], action: 'pageUp', scopes: ['table', 'detail', 'help'], help: 'one page up'},
  {keys: ['pagedown', 'ctrl-f'], action: 'pageDown', scopes: ['table', 'detail', 'help'], help: 'one page down'},
  {keys: ['home'], action: 'first', scopes: lists, help: 'to the first'},
  {keys: ['end', 'G'], action: 'last', scopes: ['table', 'detail', 'help'], help: 'to the last'},
  {keys: ['end'], action: 'last', scopes: dialogs, help: null},

  {
    keys: ['enter'],
    action: 'open',
    scopes: ['table'],
    help: 'open the program; open or close a group',
    footer: ['⏎', 'open', 4],
  },
  {
    keys: ['esc', 'enter'],
    action: 'back',
    scopes: ['detail'],
    help: 'back to the table',
    footer: ['Esc', 'back', 1],
  },
  {keys: ['esc'], action: 'clear', scopes: ['table'], paused: false, help: 'clear filter, grouping or selection'},

  {
    keys: ['/'],
    action: 'filter',
    scopes: ['table'],
    help: 'filter: word, type:xdp, cpu>1, or, not',
    footer: ['/', 'filter', 2],
  },
  {keys: ['enter'], action: 'accept', scopes: ['prompt'], help: 'keep the filter', footer: ['⏎', 'keep', 2]},
  {keys: ['esc'], action: 'restore', scopes: ['prompt'], help: 'back to the filter there was', footer: ['Esc', 'undo', 1]},
  {keys: ['ctrl-u'], action: 'erase', scopes: ['prompt'], help: 'erase all before the cursor', footer: ['^U', 'erase', 3]},
  {keys: ['ctrl-w'], action: 'eraseWord', scopes: ['prompt'], help: 'erase a word'},
  {keys: ['ctrl-k'], action: 'eraseToEnd', scopes: ['prompt'], help: 'erase all after the cursor'},
  {keys: ['backspace'], action: 'erasePrevious', scopes: ['prompt'], help: null},
  {keys: ['delete', 'ctrl-d'], action: 'eraseNext', scopes: ['prompt'], help: null},
  {keys: ['left', 'shift-left', 'ctrl-b'], action: 'caretLeft', scopes: ['prompt'], help: null},
  {keys: ['right', 'shift-right', 'ctrl-f'], action: 'caretRight', scopes: ['prompt'], help: null},
  {keys: ['home', 'ctrl-a'], action: 'caretStart', scopes: ['prompt'], help: null},
  {keys: ['end', 'ctrl-e'], action: 'caretEnd', scopes: ['prompt'], help: null},

  {
    keys: [' '],
    action: 'pause',
    scopes: pages,
    paused: false,
    help: 'pause: the view stands still, readings go on',
    footer: ['space', 'pause', 5],
  },
  {keys: ['left'], action: 'earlier', scopes: pages, help: 'pause, a reading back'},
  {
    keys: ['right'],
    action: 'later',
    scopes: pages,
    paused: true,
    help: 'a reading on; past the latest it is live again',
    footer: ['←→', 'step', 1],
  },
  {keys: ['shift-left'], action: 'muchEarlier', scopes: pages, help: 'ten readings back'},
  {keys: ['shift-right'], action: 'muchLater', scopes: pages, paused: true, help: 'ten on'},
  {keys: [' '], action: 'live', scopes: pages, paused: true, help: 'live again', footer: ['space', 'live', 1]},
  {keys: ['esc'], action: 'live', scopes: ['table'], paused: true, help: null},
  {keys: ['+', '='], action: 'longer', scopes: pages, help: 'read less often, up to 1h'},
  {keys: ['-'], action: 'shorter', scopes: pages, help: 'read more often, down to 50ms'},

  {keys: ['s'], action: 'sort', scopes: ['table'], help: 'choose what to sort by', footer: ['s', 'sort', 3]},
  {keys: ['g'], action: 'group', scopes: ['table'], help: 'choose what to group by', footer: ['g', 'group', 4]},
  {keys: ['<', ','], action: 'sortLeft', scopes: ['table'], help: 'sort by the column to the left'},
  {keys: ['>', '.'], action: 'sortRight', scopes: ['table'], help: 'sort by the column to the right'},
  {keys: ['r'], action: 'reverse', scopes: ['table'], help: 'reverse the order'},
  {keys: ['enter'], action: 'choose', scopes: dialogs, help: null, footer: ['⏎', 'choose', 2]},
  {keys: ['esc', 'backspace'], action: 'back', scopes: dialogs, help: null, footer: ['Esc', 'close', 1]},
  {keys: ['a'], action: 'own', scopes: ['table'], help: "show or hide bpftop-ts's own programs"},

  {keys: ['?', 'h'], action: 'help', scopes: ['table', 'detail'], help: 'this help', footer: ['?', 'help', 1]},
  {
    keys: ['esc', 'q', '?', 'h', 'enter', 'backspace'],
    action: 'back',
    scopes: ['help'],
    help: null,
    footer: ['Esc', 'close', 1],
  },
  {keys: ['ctrl-l'], action: 'repaint', scopes: everywhere, help: 'draw the screen anew'},
  {keys: ['ctrl-z'], action: 'suspend', scopes: everywhere, help: 'to the shell; fg comes back'},
  {keys: ['q'], action: 'quit', scopes: ['table', 'detail'], help: 'quit', footer: ['q', 'quit', 5]},
  {keys: ['ctrl-c'], action: 'interrupt', scopes: everywhere, help: 'quit from anywhere'},
];

/** What takes the keys now. */
export function scopeOf(state: State): Scope {
  if (state.prompt) return 'prompt';
  return state.overlay?.kind ?? state.page.kind;
}

/** What applies there, paused or not. */
function bindings(scope: Scope, paused: boolean): readonly Binding[] {
  return keymap.filter((each) => each.scopes.includes(scope) && (each.paused ?? paused) === paused);
}

const byScope = new Map<string, Map<KeyName, ActionName>>();
for (const scope of everywhere)
  for (const paused of [false, true]) {
    const actions = bindings(scope, paused).flatMap(({keys, action}) => keys.map((key) => [key, action] as const));
    byScope.set(`${scope} ${paused}`, new Map(actions));
  }

/** What a key does there, if anything. */
export function actionFor(key: KeyName, scope: Scope, paused = false): ActionName | undefined {
  return byScope.get(`${scope} ${paused}`)?.get(key);
}

/** The keys worth a place in the footer there, the dearest first. */
export function footerKeys(scope: Scope, paused = false): readonly (readonly [keys: string, label: string, rank: number])[] {
  return bindings(scope, paused)
    .flatMap((binding) => (binding.footer ? [binding.footer] : []))
    .sort((a, b) => a[2] - b[2]);
}

const shownNames: Record<string, string> = {
  ' ': 'Space',
  left: '←',
  right: '→',
  'shift-left': 'Shift-←',
  'shift-right': 'Shift-→',
  up: '↑',
  down: '↓',
  enter: 'Enter',
  esc: 'Esc',
  pageup: 'PgUp',
  pagedown: 'PgDn',
  home: 'Home',
  end: 'End',
};

/** A key as the help writes it. */
export function shownKey(key: KeyName): string {
  if (key.startsWith('ctrl-')) return `Ctrl-${key.slice(5).toUpperCase()}`;
  return shownNames[key] ?? (key.length > 1 ? key[0]?.toUpperCase() + key.slice(1) : key);
}
