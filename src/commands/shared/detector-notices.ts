/** What `detect` and `watch-presence --detect` share: what is said on stderr while a detector works. */
import { type DetectOptions, detectorAtWork } from '../../core/detection/detector.js';
import type { Fleet } from '../../core/store/fleet.js';
import { durationText } from '../../output/times.js';
import type { Context } from './context.js';

export function detectorNotices({ notice }: Context, honourHold: boolean): DetectOptions {
  return {
    onHold: (until) => {
      const hold = `${durationText(until - Date.now())}, until ${new Date(until).toISOString()}`;
      notice(
        `nobody could beat for a while: ${honourHold ? 'no verdicts for' : 'verdicts passed all the same for'} ${hold}`,
      );
    },
    onHoldEnd: () => notice('the hold is over'),
    onNotice: notice,
    ...connectionNotices(notice),
  };
}

export function connectionNotices(notice: (message: string) => void) {
  return {
    onLost: (error: Error) => notice(`${error.message}; trying on`),
    onResumed: () => notice('connected again'),
  };
}

/** Ends with the outer one, or before it. */
export function endingWith(outer: AbortSignal): { signal: AbortSignal; abort(): void } {
  const own = new AbortController();
  return { signal: AbortSignal.any([outer, own.signal]), abort: () => own.abort() };
}

/** Without a detector lapsed devices are found late or never; whoever looks should know. */
export async function hintWithoutDetector(context: Context, fleet: Fleet, hint: string): Promise<void> {
  const { format } = context.print;
  if ((format !== 'table' && format !== 'wide') || (await detectorAtWork(fleet))) return;
  context.notice('no detector is at work: devices that fall silent are not announced');
  context.notice(`hint: ${hint}`);
}
