/**
 * Redis at its `maxmemory` evicts keys unless its policy is `noeviction`. The policies `volatile-…` evict keys with a
 * TTL, which in a fleet are the heartbeat keys of online devices; `allkeys-…` evict any key.
 */
import type { Fleet } from '../store/fleet.js';
import { serverInfo } from '../store/server-info.js';

/**
 * Returns a warning, in one line, if a server of the fleet may evict its keys. Undefined: no server that answered may;
 * one without a `maxmemory` evicts nothing. It never rejects.
 */
export async function evictionWarning(fleet: Fleet): Promise<string | undefined> {
  const servers = await serverInfo(fleet, 'memory');
  const policies = servers
    .filter((info) => Number(info.get('maxmemory')) > 0)
    .map((info) => info.get('maxmemory_policy') ?? '');
  const worst =
    policies.find((policy) => policy.startsWith('allkeys-')) ??
    policies.find((policy) => policy.startsWith('volatile-'));
  if (worst === undefined) return undefined;
  const loss = worst.startsWith('allkeys-')
    ? 'records, history and heartbeats of devices may be lost'
    : 'heartbeats may be lost, and devices be taken for offline';
  return `maxmemory-policy ${worst}: at maxmemory ${loss}; noeviction loses nothing`;
}
