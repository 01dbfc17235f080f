/**
 * Trims the histories of all devices of a partition, after a cap fell. A device's next change trims its list too, but a
 * device may never change again, and a cap is lowered to free memory.
 */
import { DevstateError } from '../model/errors.js';
import { HISTORY_KINDS, type HistoryKind } from '../model/keyspace.js';
import { registeredIdsIn } from '../query/registered-ids.js';
import type { Partition } from '../store/partition.js';
import { trimHistory } from '../store/trim-history.js';

export type HistoryCaps = Partial<Record<HistoryKind, number>>;

/**
 * Trims the lists of each kind that has a cap in `caps`. A list within its cap stays as it is.
 * @param onProgress called after each chunk of registered devices, with the number of devices in the chunk
 * @throws DevstateError BAD_RECORD: the key of a history holds another Redis type; all others were trimmed; CONNECTION
 */
export async function trimHistories(
  partition: Partition,
  caps: HistoryCaps,
  onProgress: (count: number) => void,
): Promise<void> {
  let first: DevstateError | undefined;
  for await (const ids of registeredIdsIn(partition)) {
    const commands = HISTORY_KINDS.flatMap((kind) => {
      const cap = caps[kind];
      return cap === undefined ? [] : ids.map((id) => trimHistory(partition.keys.history(kind, id), cap));
    });
    const replies = await partition.pipeline(commands);
    first ??= replies.find((reply) => reply instanceof DevstateError);
    onProgress(ids.length);
  }
  if (first) throw first;
}
