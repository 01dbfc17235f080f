/** The commands, in the order in which `--help` lists them. */

import { get } from './devices/get.js';
import { heartbeat } from './devices/heartbeat.js';
import { history } from './devices/history.js';
import { list } from './devices/list.js';
import { register } from './devices/register.js';
import { stats } from './devices/stats.js';
import { unregister } from './devices/unregister.js';
import { detect } from './presence/detect.js';
import { disconnect } from './presence/disconnect.js';
import { listOnline } from './presence/list-online.js';
import { stale } from './presence/stale.js';
import { watchPresence } from './presence/watch-presence.js';
import { delta } from './shadow/delta.js';
import { setDesired } from './shadow/set-desired.js';
import type { Command } from './shared/command.js';
import { acl } from './tools/acl.js';
import { completion } from './tools/completion.js';
import { context } from './tools/context.js';
import { demo } from './tools/demo.js';
import { init } from './tools/init.js';

export { globals } from './shared/global-options.js';

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
