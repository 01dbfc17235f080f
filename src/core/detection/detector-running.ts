/** Tells whether a detector runs, from the time that each detector writes to the pulse (the key `devices:pulse`). */
import { collectOutcomes } from '../async/settled.js';
import type { Fleet } from '../store/fleet.js';
import { isTransient, mostSevere } from '../store/redis-errors.js';
import { parseServerTime } from '../store/server-time.js';
import { MAX_READ_INTERVAL_MS } from './due-devices.js';

/**
 * The greatest age of the time in the pulse, ms, at which a detector is taken to run. It must be several times
 * MAX_READ_INTERVAL_MS, at which a detector writes its time: else a detector that is slow once would seem not to run.
 */
const MAX_PULSE_AGE_MS = 5 * MAX_READ_INTERVAL_MS;

/**
 * Returns whether a detector has run within the last 5 s in each partition that answers.
 * @throws DevstateError CONNECTION if no partition answers, or permission is refused; BAD_RECORD, USAGE
 */
export async function isDetectorRunning(fleet: Fleet): Promise<boolean> {
  const requests = (await fleet.partitions()).map(async (partition) => {
    const [time, pulse] = await partition.pipeline([['time'], ['get', partition.keys.pulse]]);
    // A step in the future was noted before the clock was set back.
    return Math.abs(parseServerTime(time) - lastStep(String(pulse))) <= MAX_PULSE_AGE_MS;
  });
  const { values, failures } = await collectOutcomes(requests);
  const failure = mostSevere(failures);
  if (failure !== undefined && (values.length === 0 || !isTransient(failure))) throw failure;
  return values.every(Boolean);
}

/** Returns the time of a detector's last step in a pulse, epoch ms (`lua/include/pulse.lua`); 0: there is none. */
function lastStep(pulse: string): number {
  const fields = pulse.split(' ');
  // devstate 0.1, which may run beside this program, writes the last contact, the step and the end of a hold.
  return Number(fields[fields.length === 3 ? 1 : 7] ?? 0);
}
