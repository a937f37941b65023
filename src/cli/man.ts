/** The man page, in man(7)'s language, from the tables that --help and the screen's help are made from. `npm run generate` writes it to docs/. */
import type {Command, Option} from 'commander';
import {fields} from '../model/fields.js';
import {keymap, type Scope, shownKey} from '../ui/keymap.js';
import {version} from '../version.js';
import {commandLine, exitStatusHelp, filterHelp} from './options.js';

/** Text that no part of is taken for a request, or for an escape; a hyphen is the one of the keyboard. */
function text(words: string): string {
  return words
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1')
    .replace(/\s+$/gm, '');
}

function quoted(words: string): string {
  return `"${text(words).replaceAll('"', '\\(dq')}"`;
}

/** A term, and what is to be said of it. */
function entry(term: string, told: string): string {
  return `.TP\n.B ${quoted(term)}\n${text(told)}`;
}

function optionEntry(command: Command): (option: Option) => string {
  const help = command.createHelp();
  return (option) => entry(help.optionTerm(option), help.optionDescription(option));
}

function commandEntry(command: Command, program: Command): string {
  const help = command.createHelp();
  const own = help.visibleOptions(command).filter(({long}) => long !== '--help');
  const globals = help.visibleGlobalOptions(command);
  const words = command.registeredArguments.map((argument) => help.argumentTerm(argument).toUpperCase());
  // Those that are told of below need no second telling.
  const below = globals.filter((option) => program.options.includes(option));
  const listed = [...own, ...globals.filter((option) => !below.includes(option))];
  const options = listed.map((option) => `${help.optionTerm(option)}: ${help.optionDescription(option)}`);
  const names =
    below.length === program.options.length ? 'all options' : below.map(({long, flags}) => long ?? flags).join(', ');
  const more = below.length > 0 ? [`And as below: ${names}`] : [];
  const told = [`${help.subcommandDescription(command)}.`, ...[...options, ...more].map((each) => `${each}.`)];
  return `.TP\n.B ${quoted([command.name(), ...words].join(' '))}\n${told.map(text).join('\n.br\n')}`;
}

const places: readonly (readonly [Scope, string])[] = [
  ['table', 'In the table'],
  ['detail', 'On the page of a program'],
  ['filter', 'Typing a filter'],
  ['columns', 'Choosing columns'],
  ['file', 'Typing the name of a file'],
];

function keys(): string {
  return places
    .map(([scope, title]) => {
      const lines = keymap.flatMap(({keys: names, help, scopes}) =>
        help === null || !scopes.includes(scope) ? [] : [entry(names.map(shownKey).join(' '), help)],
      );
      return `.SS ${text(title)}\n${lines.join('\n')}`;
    })
    .join('\n');
}

function literally(words: string): string {
  return `.nf\n${text(words)}\n.fi`;
}

/** The page, section 8 as of other programs for whoever looks after a host. */
export function manPage(): string {
  const {program} = commandLine();
  const help = program.createHelp();
  return `.\\" Written by npm run generate.
.TH BPFTOP\\-TS 8 "" ${quoted(`bpftop-ts ${version}`)} "System administration"
.SH NAME
bpftop\\-ts \\- live profiler of BPF programs
.SH SYNOPSIS
.B bpftop\\-ts
.RI [ options ]
.RI [ command ]
.SH DESCRIPTION
${text(program.description())}
On a terminal it is a live screen; where its output goes elsewhere it writes one table and ends.
Run\\-time statistics are switched on while it runs (BPF_ENABLE_STATS) and go off with it, however it ends; no sysctl is ever written.
.SH PRIVILEGES
${text('The live screen and all formats read the kernel, which takes root: CAP_BPF and CAP_PERFMON show programs and, where somebody has statistics on, rates; what switches those on, and maps, links, pins and full names take CAP_SYS_ADMIN. After sudo bpftop-ts share --group GROUP its members run bpftop-ts with no privilege. serve and share become nobody once they have begun. replay, diff and completion take none; nor does demo, which then plays a recording. doctor tries what this host allows, and tells how to get the rest.')}
.SH COMMANDS
${program.commands.map((command) => commandEntry(command, program)).join('\n')}
.SH OPTIONS
${help.visibleOptions(program).map(optionEntry(program)).join('\n')}
.SH KEYS
${keys()}
.SH FIELDS
${fields.map(({key, help: told, unit}) => entry(key, told + (unit && ` (${unit})`))).join('\n')}
.SH FILTERS
${literally(filterHelp)}
.SH FILES
${entry('~/.config/bpftop-ts/config.json', "What the screen begins with: columns, sort, delay, theme and ascii, as the options take them. In $XDG_CONFIG_HOME, if that is set. The user's own, writable for nobody else.")}
${entry('The web configuration file of serve', "That of Prometheus' exporters, in YAML: tls_server_config (cert or cert_file, key or key_file, client_ca or client_ca_file, client_auth_type, client_allowed_sans, min_version, max_version, cipher_suites, prefer_server_cipher_suites, curve_preferences), http_server_config (headers, http2), rate_limit (interval, burst; of each client) and basic_auth_users. What else it has is refused.")}
${entry('/run/bpftop-ts', 'What share pins for its group, in a bpffs of its own, until share --stop.')}
.SH ENVIRONMENT
${entry('NO_COLOR, COLORTERM, TERM', 'How many colours there are, unless --color says so; where TERM is dumb there is no screen.')}
${entry('LC_ALL, LC_CTYPE, LANG', 'Whether it draws with more than ASCII: the first of them that is set names UTF-8.')}
${entry('XDG_CONFIG_HOME, HOME', "Where the config file is, which must be the user's own.")}
.SH EXIT STATUS
${text(exitStatusHelp)}
.SH EXAMPLES
${entry('bpftop-ts -f "pod:checkout cpu>1"', "What costs that pod's programs more than 1 % of a CPU.")}
${entry('bpftop-ts --json -n 0 -d 10s', 'A document every ten seconds, a line each.')}
${entry('bpftop-ts --record night.rec --rotate 1h', 'Records, a file an hour, and keeps the last ten.')}
${entry('bpftop-ts replay night.rec --speed 10', 'Shows that on the same screen, ten times as fast, without privilege.')}
${entry('bpftop-ts diff before.json after.json --fail-on "avg>+10%"', 'Fails where a program got slower by more than a tenth between two snapshots, and not by noise.')}
${entry('bpftop-ts serve --listen :9935', 'Metrics of every program for Prometheus, to all who can reach this host.')}
${entry('bpftop-ts -n 0 --fail-on "type:xdp avg>2us"', 'Waits until an XDP program takes longer than that.')}
.SH SEE ALSO
.BR bpf (2),
.BR bpftool (8),
.BR bpftool\\-prog (8)
`;
}
