/** A script that increments a counter, so that a test sees how often a write that must not be repeated was done. */
import type { Requests } from '../../src/core/store/requests.js';
import { COMMON_ARGS, type Script } from '../../src/core/store/script-descriptor.js';

const INCREMENT: Script = {
  name: 'increment',
  source: "return {tonumber(redis.call('TIME')[1]) * 1000, redis.call('INCR', KEYS[1])}",
  repeat: 'once',
  devices: 'none',
  headLength: 1,
  keys: [],
  deviceKeys: [],
  args: [],
  deviceArgs: [],
  probes: [],
  commands: [],
};

/** Increments the counter by a script that is sent only once. Returns the reply. */
export async function incrementByScript(requests: Requests, key: string): Promise<unknown> {
  const args = COMMON_ARGS.map(() => '');
  const { reply } = await requests.evaluate(INCREMENT, [key], args, 0, 'once');
  return reply[0];
}
