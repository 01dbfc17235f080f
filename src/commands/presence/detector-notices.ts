/** Notices on stderr about the detector, for the commands that run one or depend on one. */
import { BYPASSED_NOTICE } from '../../core/detection/bypassed-notice.js';
import type { DetectOptions } from '../../core/detection/detect-options.js';
import { isDetectorRunning } from '../../core/detection/detector-running.js';
import type { Fleet } from '../../core/store/fleet.js';
import { formatDuration } from '../../output/times.js';
import type { Context } from '../shared/context.js';
import { outageListener } from '../shared/outage-notices.js';

/**
 * Returns the listeners of a detector that print its notices: about holds, outages and broken records.
 * @param honourHold true: the notice of a hold says that the devices that it concerns are not marked offline; false
 * (`--no-hold`): that devices are marked offline despite it
 */
export function detectorNotices(context: Context, honourHold: boolean): DetectOptions {
  const { notice } = context;
  return {
    onHold: (until) => {
      const now = context.serverTime();
      const lasting = (preposition: string) =>
        now === undefined ? '' : ` ${preposition} ${formatDuration(until - now)},`;
      const effect = honourHold
        ? `the devices concerned are not marked offline${lasting('for')}`
        : `devices are marked offline despite the hold${lasting('of')}`;
      notice(`heartbeats could not arrive for a while: ${effect} until ${new Date(until).toISOString()}`);
    },
    onHoldEnd: () => notice('the hold is over'),
    onNotice: (message) =>
      notice(message === BYPASSED_NOTICE ? `${message}: devstate init --writers shared` : message),
    ...outageListener(context),
  };
}

/**
 * Prints a warning if no detector is running: without one, devices whose heartbeats stop are announced late or
 * never. Prints nothing in the formats that programs read (all but table and wide).
 * @param hint what the user can do about it: `run devstate detect`
 */
export async function warnWithoutDetector(context: Context, fleet: Fleet, hint: string): Promise<void> {
  const { format } = context.print;
  if ((format !== 'table' && format !== 'wide') || (await isDetectorRunning(fleet))) return;
  context.notice('no detector is running: devices that stop sending heartbeats are not announced');
  context.notice(`hint: ${hint}`);
}
