/** The commands, in the order of the help. */
import { acl } from './acl.js';
import type { Command } from './command.js';
import { completion } from './completion.js';
import { context } from './context.js';
import { delta } from './delta.js';
import { demo } from './demo.js';
import { detect } from './detect.js';
import { disconnect } from './disconnect.js';
import { get } from './get.js';
import { heartbeat } from './heartbeat.js';
import { history } from './history.js';
import { init } from './init.js';
import { list } from './list.js';
import { listOnline } from './list-online.js';
import { register } from './register.js';
import { setDesired } from './set-desired.js';
import { stale } from './stale.js';
import { stats } from './stats.js';
import { unregister } from './unregister.js';
import { watchPresence } from './watch-presence.js';

export { globals } from './globals.js';

export const commands: readonly Command[] = [
  register,
  heartbeat,
  get,
  list,
  stats,
  history,
  unregister,
  listOnline,
  stale,
  watchPresence,
  detect,
  disconnect,
  setDesired,
  delta,
  init,
  context,
  acl,
  demo,
  completion,
];
