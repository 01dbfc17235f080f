/** Presence events in any number, for the tests of the feed. */
import { disconnectAll } from '../../src/core/presence/disconnect.js';
import { heartbeats } from '../../src/core/presence/heartbeats.js';
import type { Fleet } from '../../src/core/store/fleet.js';

/** Announces each device online and then offline, `rounds` times. */
export async function announceRounds(fleet: Fleet, ids: readonly string[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await heartbeats(
      fleet,
      ids.map((id) => ({ id })),
    );
    await disconnectAll(fleet, ids);
  }
}

/** Announces rounds of events until `stop()`, which resolves after the last one. */
export function announceUntilStopped(fleet: Fleet, ids: readonly string[]): { stop(): Promise<void> } {
  let stopped = false;
  const run = async () => {
    while (!stopped) await announceRounds(fleet, ids, 1);
  };
  const running = run();
  return {
    async stop() {
      stopped = true;
      await running;
    },
  };
}
