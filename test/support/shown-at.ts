/** `get --at` for tests that compare the states at many moments. */
import type { cli } from './cli.js';

/** What is shown of a device at a moment, and what is notices to be unknown. Rejects if the command fails. */
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
