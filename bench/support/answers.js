/** Checks the rows that queries have printed against the fleet that was written. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { StageError } from '../../scripts/stage.js';
import { TYPE } from './fleet.js';

/** How far a deadline computed from PTTL may be from the one that was set. */
const CLOCK_MS = 2000;

/**
 * Checks that the file has exactly the stale devices, oldest first.
 * @param times `from`, `to`: when the query began and ended; `ours`: rows have status and type too
 */
export async function checkStale(file, fleet, { from, to, ours }) {
  let before = 0;
  await checkRows(file, fleet, fleet.stale, ({ deviceId, lastSeen, ageSeconds, status, deviceType }) => {
    const i = fleet.indexOf(deviceId);
    const asked = lastSeen + ageSeconds * 1000;
    const right =
      fleet.isStale(i) &&
      lastSeen === fleet.lastSeen(i) &&
      lastSeen > before &&
      asked >= from - 1 &&
      asked <= to + 1 &&
      (!ours || (status === 'offline' && deviceType === TYPE));
    before = lastSeen;
    return right;
  });
}

/** Checks that the file has exactly the online devices. */
export async function checkOnline(file, fleet) {
  await checkRows(file, fleet, fleet.online, ({ deviceId, deviceType, status, lastSeen, expiresAt }) => {
    const i = fleet.indexOf(deviceId);
    return (
      !fleet.isStale(i) &&
      status === 'online' &&
      deviceType === TYPE &&
      lastSeen === fleet.lastSeen(i) &&
      Math.abs(expiresAt - fleet.deadline(i)) <= CLOCK_MS
    );
  });
}

/** Checks that the file has all devices, with their reports. */
export async function checkState(file, fleet) {
  await checkRows(file, fleet, fleet.size, ({ deviceId, status, lastSeen, reportedState }) => {
    const i = fleet.indexOf(deviceId);
    return (
      status === (fleet.isStale(i) ? 'offline' : 'online') &&
      lastSeen === fleet.lastSeen(i) &&
      JSON.stringify(reportedState) === JSON.stringify(fleet.report(i))
    );
  });
}

/** Checks that each row is right, that no device comes twice, and that there are `expected` rows. */
async function checkRows(file, fleet, expected, isRight) {
  const seen = new Uint8Array(fleet.size);
  let count = 0;
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const row = JSON.parse(line);
    const i = fleet.indexOf(row.deviceId);
    if (!isRight(row) || seen[i] !== 0) throw new StageError(`wrong row: ${line}`);
    seen[i] = 1;
    count += 1;
  }
  if (count !== expected) throw new StageError(`${count} rows instead of ${expected}`);
}
