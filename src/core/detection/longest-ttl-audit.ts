/**
 * Lowers the longest TTL in the fleet's settings: writers only raise it, and it would stay after the last device that
 * uses it is gone. The loop of each partition tells which devices it settled, and with which TTLs. When every
 * registered device of every partition was settled without an error, the longest of these TTLs is the longest in use.
 * `store/lua/lower_ttl.lua` then lowers the setting, after a second such audit, because writers cache the settings for
 * a minute. A device with a login of its own that writes a long TTL into its record can prevent the lowering, but
 * cannot raise the setting.
 */
import { DevstateError } from '../model/errors.js';
import { DEFAULT_TTL_MS } from '../model/heartbeat.js';
import type { Partition } from '../store/partition.js';
import { isTransient } from '../store/redis-errors.js';
import type { Audit } from './audit.js';
import type { BatchSettlement } from './settle-batch.js';

/**
 * The setting is lowered only if it is more than this many times the TTL that was found, so that it does not follow
 * small changes.
 */
const MARGIN = 1.1;
/**
 * The TTL that was found is rounded up to a multiple of this, ms: the TTLs of other programs' heartbeats vary by some
 * ms.
 */
const STEP_MS = 1000;

/** What a loop has settled in one step. */
export interface SettledStep {
  settled: BatchSettlement;
  /** How many of the settled devices came from the queue that the audit adds its devices to. */
  settledCount: number;
  /** How many devices are in this queue after the step. */
  waitingCount: number;
  /** The audit of the registered devices, which may have read a slice in the step. */
  audit: Audit;
}

/** A pass over a partition, in which each of its devices is settled. */
interface Pass {
  /** When the audit has ended this many rounds, it has read each device since the pass began. */
  readonly lastRound: number;
  /**
   * How many of the devices that the audit has read are still to be settled; undefined: it has not read each device
   * yet.
   */
  left: number | undefined;
  /** The longest TTL that was found, ms. */
  ttl: number;
}

export class LongestTtlAudit {
  readonly #partitionCount: number;
  readonly #notice: (message: string) => void;
  readonly #passes = new Map<Partition, Pass>();
  /** What writers knew when the passes began: what `lowerLongestTtl` returned then; empty: nothing. */
  #known = '';

  constructor(partitionCount: number, notice: (message: string) => void) {
    this.#partitionCount = partitionCount;
    this.#notice = notice;
  }

  /** Notes a step of the loop of a partition. If it was the last one of the whole fleet's audit, lowers the setting. */
  note(partition: Partition, step: SettledStep): void {
    const pass = this.#passes.get(partition);
    if (pass && isDone(pass)) return;
    if (!pass || !isComplete(step.settled)) {
      this.#passes.set(partition, {
        lastRound: step.audit.nextWholeRound,
        left: undefined,
        ttl: DEFAULT_TTL_MS,
      });
      return;
    }
    pass.ttl = Math.max(pass.ttl, step.settled.ttlInUse);
    if (pass.left !== undefined) pass.left -= step.settledCount;
    else if (step.audit.roundCount >= pass.lastRound) pass.left = step.waitingCount;
    const passes = [...this.#passes.values()];
    if (passes.length === this.#partitionCount && passes.every(isDone)) void this.#end(partition, passes);
  }

  /** Ends an audit of the whole fleet. The loop does not wait for it, because the settings may be on another server. */
  async #end(partition: Partition, passes: readonly Pass[]): Promise<void> {
    try {
      const longest = passes.reduce((ttl, pass) => Math.max(ttl, pass.ttl), 0);
      await this.#lower(partition, Math.ceil(longest / STEP_MS) * STEP_MS);
    } catch (error) {
      // The next audit tries it again.
      if (!isTransient(error))
        this.#notice(`the longest TTL of the fleet cannot be lowered: ${(error as Error).message}`);
    }
    this.#passes.clear();
  }

  async #lower(partition: Partition, ttl: number): Promise<void> {
    const { longestTtl, raiseAbove } = await partition.settings();
    const isPending = raiseAbove < longestTtl;
    if (isPending || longestTtl > MARGIN * ttl)
      this.#known = await partition.lowerLongestTtl(ttl, this.#known);
  }
}

function isDone({ left }: Pass): boolean {
  return left !== undefined && left <= 0;
}

/**
 * Returns whether the TTLs of all devices are known. A device with a broken record uses none: it cannot send
 * heartbeats.
 */
function isComplete({ failures, verdicts }: BatchSettlement): boolean {
  return (
    failures.length === 0 &&
    !verdicts.some((verdict) => verdict instanceof DevstateError && verdict.code !== 'BAD_RECORD')
  );
}
