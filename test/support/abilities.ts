/**
 * What the server that tests start (DEVSTATE_REDIS_SERVER) is able to do, by its version. Tests for what it lacks are
 * skipped; the name of their group says why, and scripts/rounds.js counts them by it.
 */
import { execFileSync } from 'node:child_process';
import { describe } from 'vitest';

/** What not every supported server has, with the first version that has it; every Valkey has all. */
const SINCE = { 'redis.acl_check_cmd': 7 } as const;

export function describeIfAble(ability: keyof typeof SINCE, name: string, addTests: () => void): void {
  if (majorVersion() >= SINCE[ability]) describe(name, addTests);
  else describe.skip(`${name} [needs ${ability}]`, addTests);
}

function majorVersion(): number {
  const said = execFileSync(process.env.DEVSTATE_REDIS_SERVER || 'redis-server', ['--version'], {
    encoding: 'utf8',
  });
  return Number(/ v=(\d+)/.exec(said)?.[1]);
}
