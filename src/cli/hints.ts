/** What the user of the command line can do about an error: one hint for each reason that an error may have. */

import type { ErrorDetails, ErrorReason } from '../core/model/error-reasons.js';
import type { DevstateError } from '../core/model/errors.js';

type Hint = string | ((details: ErrorDetails) => string);

const HINTS: Record<ErrorReason, Hint> = {
  NOT_REGISTERED: 'devstate register ID --type TYPE',
  ALREADY_REGISTERED: 'leave out --if-new to update it',
  REGISTERED_LATER: ({ registeredAt }) =>
    `it was registered at ${new Date(Number(registeredAt)).toISOString()}`,
  RESERVED_ID: 'it stands for standard input',
  READ_ONLY: 'leave out --read-only, or name a context that may write',
  DEVICE_ROLE: 'leave out --role device, or name a context of another user',
  VERSION_MISMATCH: 'devstate get ID shows what it is now',
  DEVICE_BUSY: 'try again',
  UNKNOWN_EVENT_ID: 'take one as watch-presence prints it, or name a moment',
  BROKEN_DOCUMENT: ({ deviceId }) =>
    `redis-cli HGETALL device:state:${deviceId} shows what another program wrote`,
  OVERSIZE_FIELD: ({ deviceId, field }) =>
    `redis-cli HSTRLEN device:state:${deviceId} ${field} shows its size`,
  BROKEN_RECORDS: 'mend or unregister them, then init again',
  WRONG_KEY_TYPE: 'another program wrote it; rename or delete it, or keep apart with --namespace',
  DIALECT_MISMATCH: 'leave out --dialect',
  DIALECT_UNKNOWN: 'declare what the fleet is with devstate init, or give its --dialect',
  INVALID_DIALECT: 'it is node or python',
  PARTITIONS_IN_USE: 'partitions can never change; begin another fleet with --namespace',
  PARTITIONS_CHANGED: 'start again',
  PARTITIONS_REQUIRED: 'devstate init --partitions 64',
  OUTCOME_UNKNOWN: 'devstate get ID shows whether it was done',
  PASSWORD_REQUIRED: 'put it in REDISCLI_AUTH or in the URL of a context',
  WRONG_PASSWORD: 'check REDISCLI_AUTH or the URL',
  PERMISSION_DENIED: 'ask for the permission, or name another user',
  DEVICE_DENIED: 'ask for the permission, or name another user',
  MALFORMED_REPLY: 'check that the URL names a Redis server, and no proxy of another protocol',
  SERVER_LOADING: 'try again in a moment',
  SERVER_IS_REPLICA: 'name the master',
  MASTER_DOWN: 'name another server',
  SERVER_BUSY: 'try again in a moment',
  PERSISTENCE_FAILED: "see the server's log",
  OUT_OF_MEMORY: 'raise maxmemory or remove devices',
  CLUSTER_NODE: 'name the cluster: redis-cluster://',
  CLUSTER_DOWN: 'see redis-cli --cluster check',
  SLOT_MOVING: 'try again in a moment',
  TOO_FEW_REPLICAS: 'see min-replicas-to-write',
  SERVER_TOO_OLD: 'redis-cli INFO server shows its version',
  TOO_MANY_CONNECTIONS: 'close others, or raise maxclients',
  TLS_UNTRUSTED: 'name its authority with --ca',
  TLS_EXPIRED: 'renew it on the server',
  TLS_NOT_YET_VALID: 'see whether the clocks agree',
  TLS_WRONG_NAME: 'name the server as its certificate does',
  TLS_CLIENT_CERTIFICATE_REQUIRED: 'give it with --cert and --key',
  TLS_CLIENT_CERTIFICATE_REFUSED: 'see whether it has expired, and whether the server trusts its authority',
  TLS_HANDSHAKE_REFUSED: 'it may ask for a client certificate: --cert and --key',
  TLS_NOT_SUPPORTED: 'connect to it with redis://',
  TIMED_OUT: 'try again, or raise --request-timeout',
  SERVER_UNREACHABLE:
    'start redis-server, or name yours with --url or DEVSTATE_URL; "devstate demo" needs none',
  CONNECT_REFUSED: 'check the URL',
  MASTER_UNREACHABLE: 'during a failover, raise --request-timeout',
  TLS_TIMEOUT: ({ isCluster }) =>
    `check that the server runs and the port uses TLS; for a port without TLS use redis${isCluster ? '-cluster' : ''}://`,
  TLS_EXPECTED: ({ isCluster }) => `for a port with TLS use rediss${isCluster ? '-cluster' : ''}://`,
  TLS_CONNECTION_CLOSED: "check the server's log",
  UNKNOWN_MASTER: 'the URL names the master after the #; SENTINEL MASTERS lists the known ones',
  NO_SENTINEL: 'check that they run at the addresses in the URL',
  NO_SLOTS: 'redis-cli --cluster create assigns them',
  NO_NODE_ADDRESS: 'set cluster-announce-ip, or join it to another node with CLUSTER MEET',
  NOT_A_CLUSTER: 'use redis:// for it',
  NO_REDIS_SERVER:
    'install it (apt-get install redis-server, brew install redis) or name it in DEVSTATE_REDIS_SERVER',
  INVALID_URL:
    'forms: redis://[user@]host[:port][/db], rediss://…, unix:///path[?db=N], redis-sentinel://h1,h2[/db]#master, redis-cluster://h1,h2',
  UNESCAPED_PASSWORD: 'in a password, write %23 and %3F',
};

/** Returns the hint that the error brings with it, else the hint of its reason; undefined: it has neither. */
export function hintFor({ hint, reason, details }: DevstateError): string | undefined {
  if (hint !== undefined || reason === undefined) return hint;
  const known = HINTS[reason];
  return typeof known === 'string' ? known : known(details);
}
