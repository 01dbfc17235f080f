/**
 * The notice that an answer of Redis to a detector or a sweep was lost. The events that it may have announced are in
 * the log, but it is not known which they are, so the detector does not return them.
 */
import { SharedCondition } from '../async/shared-condition.js';
import type { Partition } from '../store/partition.js';
import type { BatchSettlement } from './settle-batch.js';

const NOTICE =
  'an answer of the server was lost: events that it may have had are in the log of presence events, and not shown here';

export class LostAnswers {
  readonly #condition = new SharedCondition<Partition>();
  readonly #notice: (message: string) => void;

  constructor(notice: (message: string) => void = () => {}) {
    this.#notice = notice;
  }

  /** Gives the notice at the first lost answer of any partition, and again when all partitions have answered since. */
  update(partition: Partition, { isAnswerLost }: BatchSettlement): void {
    if (!isAnswerLost) this.#condition.end(partition);
    else if (this.#condition.begin(partition)) this.#notice(NOTICE);
  }
}
