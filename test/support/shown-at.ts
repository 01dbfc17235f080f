/** `get --at` for tests that compare the states at many moments. */
import type { cli } from './cli.js';

/** Returns the JSON of `get --at` and the notices about the device on stderr. Rejects if the command fails. */
export async function shownAt(
  devstate: ReturnType<typeof cli>,
  id: string,
  moment: string | number,
): Promise<Record<string, unknown> & { notices: string[] }> {
  const { exit, stdout, stderr } = await devstate.run(['get', id, '--json', '--at', String(moment)]);
  if (exit !== 0) throw new Error(stderr);
  const notices = stderr.split('\n').flatMap((line) => line.split(`${id}: `)[1] ?? []);
  return { ...JSON.parse(stdout), notices };
}
