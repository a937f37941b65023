/** `bpftop-ts share`: a small foreground service for systemd, or a terminal, and the command that takes it all back. */
import {constants} from 'node:os';
import {startSharing, stopSharing} from '../collectors/share.js';
import {exitStatus} from '../errors.js';
import {firstSignal} from './exit.js';
import type {ShareOptions} from './options.js';
import {say} from './report.js';

/**
 * Shares until a signal comes, or takes back what is shared.
 * @returns the exit status: 128 + n after signal n.
 */
export async function runShare({group}: ShareOptions): Promise<number> {
  if (group === null) {
    say((await stopSharing()) ? 'nothing is shared any more.' : 'nothing was shared.');
    return exitStatus.done;
  }
  await startSharing(group);
  say(
    `shared: members of ${group} now run bpftop-ts without sudo. Statistics stay on until this ends; ` +
      'sudo bpftop-ts share --stop ends it, and takes back what is shared.',
  );
  // Signals alone keep no process alive.
  const alive = setInterval(() => {}, 2 ** 30);
  const signal = await firstSignal(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']);
  clearInterval(alive);
  say(
    'statistics go off with this, unless others have them on. The group still sees programs, without rates, until ' +
      'sudo bpftop-ts share --stop has taken back what is shared.',
  );
  return 128 + constants.signals[signal];
}
