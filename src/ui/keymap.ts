/**
 * The one table of keys: what each does, where, and how the footer and the help say so. Handling, footer and help all read it, so none of
 * them can lag behind; a new key is one entry here and one case in `state.ts`.
 */
import type {KeyName} from './keys.js';
import type {ActionName, State} from './state.js';

/** What takes the keys at a moment. */
export type Scope = 'table' | 'detail' | 'help' | 'sort' | 'group' | 'columns' | 'filter' | 'file' | 'replace';

/** What keys depend on beside the place. */
export interface When {
  /** Whether the view stands still. */
  readonly paused: boolean;
  /** Whether a recording is shown. */
  readonly recorded: boolean;
}

/** A key, where it applies, and what it does. */
export interface Binding {
  readonly keys: readonly KeyName[];
  readonly action: ActionName;
  readonly scopes: readonly Scope[];
  /** Whether it applies only while the view is paused, or only while it isn't; in both by default. */
  readonly paused?: boolean;
  /** Whether it applies only to a recording, or only to what isn't one; in both by default. */
  readonly recorded?: boolean;
  /** What the help says; null: not worth a line. */
  readonly help: string | null;
  /** How keys and what they do are put in the footer, and how dear the place is: 1 stays longest. */
  readonly footer?: readonly [keys: string, label: string, rank: number];
}

const everywhere: readonly Scope[] = ['table', 'detail', 'help', 'sort', 'group', 'columns', 'filter', 'file', 'replace'];
const dialogs: readonly Scope[] = ['sort', 'group'];
/** Where there is time to go through. */
const timed: readonly Scope[] = ['table', 'detail'];
/** Where letters move, for none of them chooses. */
const pages: readonly Scope[] = ['table', 'detail', 'help', 'columns'];
const prompts: readonly Scope[] = ['filter', 'file'];

/** In the order of the help. */
export const keymap: readonly Binding[] = [
  {keys: ['up', 'k'], action: 'up', scopes: pages, help: 'one line up'},
  {
    keys: ['down', 'j'],
    action: 'down',
    scopes: pages,
    help: 'one line down',
    footer: ['↑↓', 'move', 6],
  },
  {keys: ['up'], action: 'up', scopes: dialogs, help: null},
  {keys: ['down'], action: 'down', scopes: dialogs, help: null, footer: ['↑↓', 'move', 6]},
  {keys: ['pageup', 'ctrl-b'], action: 'pageUp', scopes: pages, help: 'one page up'},
  {keys: ['pagedown', 'ctrl-f'], action: 'pageDown', scopes: pages, help: 'one page down'},
  {keys: ['home'], action: 'first', scopes: [...pages, ...dialogs], help: 'to the first'},
  {keys: ['end', 'G'], action: 'last', scopes: pages, help: 'to the last'},
  {keys: ['end'], action: 'last', scopes: dialogs, help: null},

  {
    keys: ['enter'],
    action: 'open',
    scopes: ['table'],
    help: 'open the program; open or close a group',
    footer: ['Enter', 'open', 4],
  },
  {
    keys: ['esc', 'enter'],
    action: 'back',
    scopes: ['detail'],
    help: 'back to the table',
    footer: ['Esc', 'back', 1],
  },
  {keys: ['['], action: 'previousProg', scopes: ['detail'], help: 'the program before it in the list'},
  {
    keys: [']'],
    action: 'nextProg',
    scopes: ['detail'],
    help: 'the next program of the list',
    footer: ['[ ]', 'other program', 2],
  },
  {keys: ['1'], action: 'window1', scopes: ['detail'], help: 'look back 1 minute'},
  {
    keys: ['5'],
    action: 'window5',
    scopes: ['detail'],
    help: 'look back 5 minutes',
    footer: ['1 5 0', 'minutes', 3],
  },
  {keys: ['0'], action: 'window10', scopes: ['detail'], help: 'look back 10 minutes'},
  {keys: ['esc'], action: 'clear', scopes: ['table'], paused: false, help: 'clear filter, grouping, b, selection'},

  {
    keys: ['/'],
    action: 'filter',
    scopes: ['table'],
    help: 'filter: word, type:xdp, cpu>1, or, not',
    footer: ['/', 'filter', 2],
  },
  {keys: ['enter'], action: 'accept', scopes: ['filter'], help: 'keep the filter', footer: ['Enter', 'keep', 2]},
  {keys: ['esc'], action: 'restore', scopes: ['filter'], help: 'back to the filter there was', footer: ['Esc', 'undo', 1]},
  {
    keys: ['tab'],
    action: 'complete',
    scopes: ['filter'],
    help: 'complete a field, operator or value',
    footer: ['Tab', 'complete', 4],
  },
  {keys: ['shift-tab'], action: 'completeBack', scopes: ['filter'], help: 'the same, the other way'},
  {keys: ['enter'], action: 'writeFile', scopes: ['file'], help: null, footer: ['Enter', 'write', 2]},
  {keys: ['esc'], action: 'restore', scopes: ['file', 'replace'], help: null, footer: ['Esc', 'cancel', 1]},
  {keys: ['y', 'Y'], action: 'replaceFile', scopes: ['replace'], help: null, footer: ['y', 'replace', 2]},
  {keys: ['n', 'N'], action: 'keepFile', scopes: ['replace'], help: null, footer: ['n', 'another name', 3]},
  {keys: ['ctrl-u'], action: 'erase', scopes: prompts, help: 'erase all before the cursor', footer: ['^U', 'erase', 3]},
  {keys: ['ctrl-w'], action: 'eraseWord', scopes: prompts, help: 'erase a word'},
  {keys: ['ctrl-k'], action: 'eraseToEnd', scopes: prompts, help: 'erase all after the cursor'},
  {keys: ['backspace'], action: 'erasePrevious', scopes: prompts, help: null},
  {keys: ['delete', 'ctrl-d'], action: 'eraseNext', scopes: prompts, help: null},
  {keys: ['left', 'shift-left', 'ctrl-b'], action: 'caretLeft', scopes: prompts, help: null},
  {keys: ['right', 'shift-right', 'ctrl-f'], action: 'caretRight', scopes: prompts, help: null},
  {keys: ['home', 'ctrl-a'], action: 'caretStart', scopes: prompts, help: null},
  {keys: ['end', 'ctrl-e'], action: 'caretEnd', scopes: prompts, help: null},

  {
    keys: [' '],
    action: 'pause',
    scopes: timed,
    paused: false,
    help: 'pause the view; readings go on',
    footer: ['Space', 'pause', 5],
  },
  {
    keys: [' '],
    action: 'live',
    scopes: timed,
    paused: true,
    help: 'go on, with the latest reading',
    footer: ['Space', 'go on', 1],
  },
  {keys: ['left'], action: 'earlier', scopes: timed, help: 'pause, a reading back'},
  {
    keys: ['right'],
    action: 'later',
    scopes: timed,
    paused: true,
    help: 'a reading on; past the latest, go on',
    footer: ['←→', 'step', 1],
  },
  {keys: ['shift-left'], action: 'muchEarlier', scopes: timed, help: 'ten readings back'},
  {keys: ['shift-right'], action: 'muchLater', scopes: timed, paused: true, help: 'ten on'},
  {keys: ['esc'], action: 'live', scopes: ['table'], paused: true, help: null},
  {
    ...{keys: ['right'], action: 'ahead', scopes: timed, paused: false, recorded: true},
    help: 'replay, not paused: ten seconds ahead',
    footer: ['→', 'ahead', 3],
  },
  {
    ...{keys: ['shift-right'], action: 'farAhead', scopes: timed, paused: false, recorded: true},
    help: 'replay, not paused: a minute ahead',
  },
  {
    ...{keys: ['+', '='], action: 'faster', scopes: timed, recorded: true},
    help: 'replay: faster, up to ×100',
    footer: ['+ -', 'speed', 5],
  },
  {keys: ['-'], action: 'slower', scopes: timed, recorded: true, help: 'replay: slower, down to ×0.1'},
  {keys: ['+', '='], action: 'longer', scopes: timed, recorded: false, help: 'read less often, up to 1h'},
  {keys: ['-'], action: 'shorter', scopes: timed, recorded: false, help: 'read more often, down to 50ms'},

  {keys: ['s'], action: 'sort', scopes: ['table'], help: 'choose what to sort by', footer: ['s', 'sort', 3]},
  {keys: ['g'], action: 'group', scopes: ['table'], help: 'choose what to group by', footer: ['g', 'group', 4]},
  {keys: ['<', ','], action: 'sortLeft', scopes: ['table'], help: 'sort by the column to the left'},
  {keys: ['>', '.'], action: 'sortRight', scopes: ['table'], help: 'sort by the column to the right'},
  {
    keys: ['b'],
    action: 'compare',
    scopes: ['table'],
    help: 'what changed from now on; again ends it',
    footer: ['b', 'changes', 7],
  },
  {keys: ['t'], action: 'top', scopes: ['table'], help: 'select what costs most now'},
  {keys: ['%', 'I'], action: 'cpus', scopes: ['table', 'detail'], help: 'CPU% of one CPU, or of all'},
  {keys: ['r'], action: 'reverse', scopes: ['table'], help: 'reverse the order'},
  {keys: ['c'], action: 'columns', scopes: ['table'], help: 'choose columns', footer: ['c', 'columns', 7]},
  {
    keys: [' ', 'enter'],
    action: 'toggle',
    scopes: ['columns'],
    help: 'show or hide the column',
    footer: ['Space', 'show/hide', 2],
  },
  {
    keys: ['left', '<', 'K'],
    action: 'moveLeft',
    scopes: ['columns'],
    help: 'move it to the left',
    footer: ['←→', 'place', 3],
  },
  {keys: ['right', '>', 'J'], action: 'moveRight', scopes: ['columns'], help: 'move it to the right'},
  {
    keys: ['a'],
    action: 'automatic',
    scopes: ['columns'],
    help: 'as many of the usual ones as fit',
    footer: ['a', 'automatic', 4],
  },
  {keys: ['esc', 'c', 'q', 'backspace'], action: 'back', scopes: ['columns'], help: null, footer: ['Esc', 'close', 1]},
  {keys: ['enter'], action: 'choose', scopes: dialogs, help: null, footer: ['Enter', 'choose', 2]},
  {keys: ['esc', 'backspace'], action: 'back', scopes: dialogs, help: null, footer: ['Esc', 'close', 1]},
  {keys: ['a'], action: 'own', scopes: ['table'], help: "show or hide bpftop-ts's own programs"},

  {keys: ['w'], action: 'write', scopes: ['table'], help: 'write what is shown to a file', footer: ['w', 'write', 8]},
  {keys: ['W'], action: 'save', scopes: ['table', 'detail'], help: 'save columns, order, delay and look'},

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
  if (state.prompt) return state.prompt.kind === 'file' && state.prompt.stage === 'replace' ? 'replace' : state.prompt.kind;
  return state.overlay?.kind ?? state.page.kind;
}

/** What they depend on beside that now. */
export function whenOf({moment, speed}: Pick<State, 'moment' | 'speed'>): When {
  return {paused: moment !== null, recorded: speed !== null};
}

/** What applies there and then, in the order of the help. */
export function bindings(scope: Scope, {paused, recorded}: When): readonly Binding[] {
  const applies = (each: Binding) => (each.paused ?? paused) === paused && (each.recorded ?? recorded) === recorded;
  return keymap.filter((each) => each.scopes.includes(scope) && applies(each));
}

const live: When = {paused: false, recorded: false};

/** What a key does there, if anything. */
export function actionFor(key: KeyName, scope: Scope, when = live): ActionName | undefined {
  return bindings(scope, when).find(({keys}) => keys.includes(key))?.action;
}

/** The keys worth a place in the footer there, the dearest first. */
export function footerKeys(scope: Scope, when = live): readonly (readonly [keys: string, label: string, rank: number])[] {
  return bindings(scope, when)
    .flatMap((binding) => (binding.footer ? [binding.footer] : []))
    .sort((a, b) => a[2] - b[2]);
}

const shownNames: Record<string, string> = {
  ' ': 'Space',
  'shift-left': 'Shift-Left',
  'shift-right': 'Shift-Right',
  enter: 'Enter',
  esc: 'Esc',
  pageup: 'PgUp',
  pagedown: 'PgDn',
  home: 'Home',
  end: 'End',
  'shift-tab': 'Shift-Tab',
};

/** A key as the help writes it: in words, for an arrow that is drawn with ASCII is another key, `<`. */
export function shownKey(key: KeyName): string {
  if (key.startsWith('ctrl-')) return `Ctrl-${key.slice(5).toUpperCase()}`;
  return shownNames[key] ?? (key.length > 1 ? key[0]?.toUpperCase() + key.slice(1) : key);
}
