/** Scripts that make shells complete the words of the command line, written from the table of options that --help is made from. */
import type {Argument, Command, Option} from 'commander';
import {fieldNames} from '../model/fields.js';
import {groupings} from '../model/group.js';
import {sortableFields} from '../model/sort.js';
import {trendKey} from '../ui/layout.js';

/** Shells that a script can be had for. */
export const shells = ['bash', 'zsh', 'fish'] as const;
/** One of them. */
export type Shell = (typeof shells)[number];

/** What can stand in a place: one of these words, several with commas between, a path, or what nobody can guess. */
type Values =
  {readonly kind: 'words' | 'list'; readonly words: readonly string[]} | {readonly kind: 'file' | 'directory' | 'none'};

/** An option as the scripts need it. */
interface Switch {
  /** `-s`; null: it has none. */
  readonly short: string | null;
  /** `--sort` */
  readonly long: string;
  readonly help: string;
  /** null: it takes no value. */
  readonly values: Values | null;
}

/** A command, the one without a name first. */
interface Place {
  readonly name: string;
  readonly help: string;
  readonly switches: readonly Switch[];
  /** What its own words can be, in turn. */
  readonly words: readonly Values[];
}

/** The script for a shell to read. */
export function completionScript(shell: Shell, program: Command): string {
  const places = [program, ...program.commands].map((command) => placeOf(command, program));
  return {bash, zsh, fish}[shell](places);
}

function placeOf(command: Command, program: Command): Place {
  const help = command.createHelp();
  const globals = command === program ? [] : help.visibleGlobalOptions(command);
  return {
    name: command === program ? '' : command.name(),
    help: command.description(),
    switches: [...help.visibleOptions(command), ...globals].map(switchOf),
    words: command.registeredArguments.map((argument) => valuesOf(argument.name().toUpperCase(), argument.argChoices)),
  };
}

function switchOf(option: Option): Switch {
  const {short, long, description, argChoices, flags} = option;
  const name = /[<[](.*?)[\]>]/.exec(flags)?.[1];
  const own = {sort: sortable, columns, group: name === 'GROUP' ? anything : grouped}[option.attributeName()];
  const values = name === undefined ? null : (own ?? valuesOf(name, argChoices));
  return {short: short ?? null, long: long ?? flags, help: description, values};
}

const sortable: Values = {kind: 'words', words: sortableFields.map(({key}) => key)};
const columns: Values = {kind: 'list', words: [...sortableFields.map(({key}) => key), trendKey]};
const grouped: Values = {kind: 'words', words: groupings.map(({key}) => key)};
const anything: Values = {kind: 'none'};

function valuesOf(name: string, choices: Argument['argChoices']): Values {
  if (choices) return {kind: 'words', words: choices};
  if (name === 'EXPR') return {kind: 'words', words: fieldNames};
  if (/^(FILE|BEFORE|AFTER)$/.test(name)) return {kind: 'file'};
  return name === 'DIR' ? {kind: 'directory'} : anything;
}

/** One word of a shell, whatever is in it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function namesOf({short, long}: Switch): string[] {
  return short === null ? [long] : [short, long];
}

function bash(places: readonly Place[]): string {
  const commands = places.map(({name}) => name).filter((name) => name !== '');
  const reply = (values: Values): string => {
    if (values.kind === 'words') return `_bpftop_ts_words ${quoted(values.words.join(' '))}`;
    if (values.kind === 'list') return `_bpftop_ts_list ${quoted(values.words.join(' '))}`;
    if (values.kind === 'file') return '_bpftop_ts_paths -f';
    return values.kind === 'directory' ? '_bpftop_ts_paths -d' : ':';
  };
  const branches = places.map(({name, switches, words}) => {
    const own = name === '' ? commands : words.flatMap((each) => (each.kind === 'words' ? each.words : []));
    const plain = words.some(({kind}) => kind === 'file')
      ? '_bpftop_ts_paths -f'
      : `_bpftop_ts_words ${quoted(own.join(' '))}`;
    const taken = switches.flatMap((each) =>
      each.values ? [`        ${namesOf(each).join('|')}) ${reply(each.values)}; return ;;`] : [],
    );
    return [
      `    ${name === '' ? "''" : name})`,
      '      case "$prev" in',
      ...taken,
      '      esac',
      `      if [[ $cur == -* ]]; then _bpftop_ts_words ${quoted(switches.flatMap(namesOf).join(' '))}`,
      `      else ${plain}; fi ;;`,
    ].join('\n');
  });
  return `# bash completion of bpftop-ts; bpftop-ts completion bash writes it.
_bpftop_ts_words() { COMPREPLY=($(compgen -W "$1" -- "$cur")); }
_bpftop_ts_list() {
  local head=
  [[ $cur == *,* ]] && head=\${cur%,*},
  COMPREPLY=($(compgen -P "$head" -W "$1" -- "\${cur##*,}"))
}
_bpftop_ts_paths() {
  compopt -o filenames
  mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
}
_bpftop_ts() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command= word
  COMPREPLY=()
  # readline takes --name=value for three words.
  if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in ${commands.join('|')}) command=$word; break ;; esac
  done
  case "$command" in
${branches.join('\n')}
  esac
}
complete -F _bpftop_ts bpftop-ts
`;
}

function zsh(places: readonly Place[]): string {
  const commands = places.filter(({name}) => name !== '');
  const action = (values: Values): string => {
    if (values.kind === 'words') return `(${values.words.join(' ')})`;
    if (values.kind === 'list') return `{_sequence compadd - ${values.words.join(' ')}}`;
    if (values.kind === 'file') return '_files';
    return values.kind === 'directory' ? '{_files -/}' : ' ';
  };
  const specs = ({name, switches, words}: Place): string[] => [
    ...switches.map((each) => {
      const names = namesOf(each);
      const told = `[${each.help.replace(/[\\\][:]/g, (found) => `\\${found}`)}]`;
      const value = each.values ? `:${each.long.slice(2)}:${action(each.values)}` : '';
      // An option's value is a word of its own, or follows the long name and a =.
      const forms = names.map((form) => (each.values && form.startsWith('--') ? `${form}=` : form));
      const exclusive = quoted(`(${names.join(' ')})`);
      const form = forms.length === 1 ? quoted(forms[0] ?? '') : `{${forms.join(',')}}`;
      return `${exclusive}${form}${quoted(told + value)}`;
    }),
    ...(name === '' ? [quoted('1:command:_bpftop_ts_commands')] : [quoted('1:command: ')]),
    ...words.map((each, i) => quoted(`${i + 2}:word:${action(each)}`)),
  ];
  const branch = (place: Place) =>
    `    ${place.name === '' ? "''" : place.name})\n      _arguments -s -S \\\n        ${specs(place).join(' \\\n        ')} ;;`;
  return `#compdef bpftop-ts
# zsh completion of bpftop-ts; bpftop-ts completion zsh writes it.
_bpftop_ts_commands() {
  local -a commands=(
${commands.map(({name, help}) => `    ${quoted(`${name}:${help.replaceAll(':', '\\:')}`)}`).join('\n')}
  )
  _describe command commands
}
_bpftop_ts() {
  local command= word
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$word" in (${commands.map(({name}) => name).join('|')}) command=$word; break ;; esac
  done
  case "$command" in
${places.map(branch).join('\n')}
  esac
}
if [ "$funcstack[1]" = _bpftop_ts ]; then _bpftop_ts "$@"; else compdef _bpftop_ts bpftop-ts; fi
`;
}

function fish(places: readonly Place[]): string {
  const commands = places.filter(({name}) => name !== '');
  const names = commands.map(({name}) => name).join(' ');
  const text = (value: string) => `'${value.replace(/['\\]/g, (found) => `\\${found}`)}'`;
  const values = (each: Values): string => {
    if (each.kind === 'words') return `-x -a ${text(each.words.join(' '))}`;
    if (each.kind === 'list') return `-x -a ${text(`(__fish_append , ${each.words.join(' ')})`)}`;
    if (each.kind === 'file') return '-r -F';
    return each.kind === 'directory' ? `-x -a ${text('(__fish_complete_directories)')}` : '-x';
  };
  const lines = places.flatMap(({name, switches, words}) => {
    const where = text(name === '' ? `not __fish_seen_subcommand_from ${names}` : `__fish_seen_subcommand_from ${name}`);
    return [
      ...switches.map(({short, long, help, values: taken}) => {
        const form = `${short === null ? '' : `-s ${short.slice(1)} `}-l ${long.slice(2)}`;
        return `complete -c bpftop-ts -n ${where} ${form}${taken ? ` ${values(taken)}` : ''} -d ${text(help)}`;
      }),
      ...words.map((each) => `complete -c bpftop-ts -n ${where} ${values(each)}`),
    ];
  });
  return `# fish completion of bpftop-ts; bpftop-ts completion fish writes it.
complete -c bpftop-ts -f
${commands.map(({name, help}) => `complete -c bpftop-ts -n ${text(`not __fish_seen_subcommand_from ${names}`)} -a ${name} -d ${text(help)}`).join('\n')}
${lines.join('\n')}
`;
}
