/** Runs the Lua script `register` for devices of one partition. */
import { type ItemResult, unwrapOne } from '../async/item-results.js';
import { sendEach, sendUnfinished } from '../async/send-batches.js';
import { settleAll } from '../async/settled.js';
import { DevstateError, quote } from '../model/errors.js';
import { validTtl } from '../model/heartbeat.js';
import { isolateDenials } from '../store/isolate-denials.js';
import type { Partition } from '../store/partition.js';
import { retryUntilDone } from '../store/retry.js';
import { REGISTER } from '../store/scripts.js';
import type { Registrant, Registration } from './registration.js';

type Reply = [code: number, detail?: string | number, registeredAt?: number];

/**
 * Runs the script `register`, and returns the result of each device, in order. The script must be given the key of
 * the set of each device's present type, but that type is not known before the first run. So the first run passes the
 * new type instead, which is right for a new device or an unchanged type. For any other device the script replies the
 * present type, and is run again with it.
 */
export async function runRegister(
  partition: Partition,
  registrants: readonly Registrant[],
  onlyIfNew: boolean,
): Promise<ItemResult<Registration>[]> {
  const attempt = async (list: readonly Registrant[], oldType?: string, anyType = false) => {
    const { reply } = await partition.run(
      REGISTER,
      { onlyIfNew: onlyIfNew ? 1 : 0, anyType: anyType ? 1 : 0 },
      list.map(({ id, type, metadataJson = '', ttl }) => ({
        id,
        type,
        oldType: oldType ?? type,
        metadata: metadataJson,
        ttl: ttl === undefined ? '' : validTtl(ttl),
      })),
    );
    return reply as Reply[];
  };
  const replies = await isolateDenials(registrants, (list) => attempt(list));
  const results = await settleAll(
    replies.map(async (reply, i) => {
      const registrant = registrants[i] as Registrant;
      return Array.isArray(reply) && reply[0] !== 2
        ? toRegistration(partition, registrant, registrant.type, reply)
        : reply;
    }),
  );
  const changeType = async (registrant: Registrant, presentType: string) => {
    let oldType = presentType;
    let anyType = false;
    const reply = await retryUntilDone(partition.requestTimeoutMs, async () => {
      const [next = [4, 'no reply']] = await attempt([registrant], oldType, anyType);
      if (next[0] !== 2) return next;
      // A type that is not UTF-8 was changed when it was decoded, so it can never be given.
      anyType = next[1] === oldType;
      oldType = String(next[1]);
      return undefined;
    });
    return unwrapOne([await toRegistration(partition, registrant, oldType, reply)]);
  };
  return sendUnfinished(registrants, results, isReply, (changed, types) =>
    sendEach(changed, (registrant, i) => changeType(registrant, String(types[i]?.[1]))),
  );
}

function isReply(result: ItemResult<Registration> | Reply): result is Reply {
  return Array.isArray(result);
}

async function toRegistration(
  partition: Partition,
  { id, type }: Registrant,
  oldType: string,
  [code, detail, registeredAt]: Reply,
): Promise<ItemResult<Registration>> {
  if (code === 1)
    return { deviceId: id, deviceType: type, created: detail === 1, registeredAt: Number(registeredAt) };
  if (code === 4) return partition.itemError(REGISTER, { id, type, oldType }, String(detail));
  return new DevstateError('CONFLICT', `device ${quote(id)} is registered already`, {
    reason: 'ALREADY_REGISTERED',
  });
}
