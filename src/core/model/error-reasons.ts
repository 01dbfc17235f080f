/** The reasons of errors, which distinguish causes that have the same error code. */

/**
 * The cause of an error whose code covers several causes. The command line prints a hint for each reason
 * (cli/hints.ts). An error whose code and message suffice has no reason.
 */
export type ErrorReason =
  /** The device is not registered. */
  | 'NOT_REGISTERED'
  /** The device is registered already, but the caller asked to register it only if it is new. */
  | 'ALREADY_REGISTERED'
  /** A past state was asked for, of a time before the device's registration; details: `registeredAt`, epoch ms. */
  | 'REGISTERED_LATER'
  /** The device id is `-`. No device may have it, because it stands for standard input on a command line. */
  | 'RESERVED_ID'
  /** A write was asked for, but the fleet was opened read-only. */
  | 'READ_ONLY'
  /** The fleet was opened with the role `device`, which may only use `heartbeat` and `disconnect`, and read. */
  | 'DEVICE_ROLE'
  /** The desired state does not have the version that the caller required for the change. */
  | 'VERSION_MISMATCH'
  /** The device was not written, because other clients changed it during every attempt. */
  | 'DEVICE_BUSY'
  /** The text given as the id of a presence event is not a valid id in this fleet. */
  | 'UNKNOWN_EVENT_ID'
  /** A document stored in Redis is not a valid JSON object or is over the limits; details: `deviceId`. */
  | 'BROKEN_DOCUMENT'
  /** A field of a device's record is too large to be read; details: `deviceId`, `field`. */
  | 'OVERSIZE_FIELD'
  /** A fleet cannot become exclusive, because some of its records are broken and cannot be put into the index. */
  | 'BROKEN_RECORDS'
  /** A Redis key holds another type of value (set, hash, …) than devstate stores there. */
  | 'WRONG_KEY_TYPE'
  /** The caller gave a dialect (`node` or `python`) that is not the fleet's. */
  | 'DIALECT_MISMATCH'
  /**
   * The dialect cannot be found out: the fleet declares none, and Redis denies the user to read a sample of records.
   */
  | 'DIALECT_UNKNOWN'
  /** The fleet's settings (the hash `devices:meta`) name a dialect that does not exist. */
  | 'INVALID_DIALECT'
  /** The number of partitions cannot change because the fleet has devices. */
  | 'PARTITIONS_IN_USE'
  /** The number of partitions was changed while a feed or a detector was running. */
  | 'PARTITIONS_CHANGED'
  /** The fleet has one partition, but on a Redis cluster a fleet must have several. */
  | 'PARTITIONS_REQUIRED'
  /**
   * A write was sent, and the connection was lost or the time was over before the answer. It may have been done. The
   * error has the outcome `unknown`.
   */
  | 'OUTCOME_UNKNOWN'
  /** The server requires a password and none was given. */
  | 'PASSWORD_REQUIRED'
  /** The server does not accept the user name and password. */
  | 'WRONG_PASSWORD'
  /** An ACL rule of the server denies the user a command, key or channel. */
  | 'PERMISSION_DENIED'
  /**
   * An ACL rule of the server denies the user a key or channel of this device, or of its type. Other devices may be
   * permitted.
   */
  | 'DEVICE_DENIED'
  /** The server sent something that is not a reply of Redis, or a reply that is too large. */
  | 'MALFORMED_REPLY'
  /** The server is loading its data set. */
  | 'SERVER_LOADING'
  /** The server is a replica, which accepts no writes. */
  | 'SERVER_IS_REPLICA'
  /** The server is a replica that has no connection to its master. */
  | 'MASTER_DOWN'
  /** The server serves no requests at present, because it is running a script that takes long. */
  | 'SERVER_BUSY'
  /** The server refuses writes, because it could not save its data to disk. */
  | 'PERSISTENCE_FAILED'
  /** The server refuses writes, because it has reached its memory limit (`maxmemory`). */
  | 'OUT_OF_MEMORY'
  /**
   * The server is a node of a cluster, but the URL is not one of a cluster, so requests are not sent to the right node.
   */
  | 'CLUSTER_NODE'
  /** The cluster serves no requests, because it does not cover all hash slots. */
  | 'CLUSTER_DOWN'
  /**
   * The cluster is moving the keys of the request to another node, and does not serve the request until that is done.
   */
  | 'SLOT_MOVING'
  /** The server refuses writes, because it has fewer replicas than its setting `min-replicas-to-write` requires. */
  | 'TOO_FEW_REPLICAS'
  /** The server does not know a command or an option that devstate sends: it is older than Redis 6.2. */
  | 'SERVER_TOO_OLD'
  /** The server accepts no more connections, because it has reached its limit (`maxclients`). */
  | 'TOO_MANY_CONNECTIONS'
  /** The server's certificate is not signed by a trusted authority. */
  | 'TLS_UNTRUSTED'
  /** The server's certificate has expired. */
  | 'TLS_EXPIRED'
  /** The server's certificate is not valid yet. */
  | 'TLS_NOT_YET_VALID'
  /** The server's certificate is for another host name. */
  | 'TLS_WRONG_NAME'
  /** The server requires a client certificate and none was given. */
  | 'TLS_CLIENT_CERTIFICATE_REQUIRED'
  /** The server does not accept the client certificate. */
  | 'TLS_CLIENT_CERTIFICATE_REFUSED'
  /** The server refused the TLS handshake. With TLS 1.2, a missing client certificate has this reason too. */
  | 'TLS_HANDSHAKE_REFUSED'
  /** The server does not use TLS on this port. */
  | 'TLS_NOT_SUPPORTED'
  /** The server did not answer in time. */
  | 'TIMED_OUT'
  /** No connection to the server could be made. */
  | 'SERVER_UNREACHABLE'
  /** The server is reachable, but refused a command that is sent when connecting, such as `SELECT` of the database. */
  | 'CONNECT_REFUSED'
  /** The master that the sentinels name cannot be reached. */
  | 'MASTER_UNREACHABLE'
  /** Connecting with TLS timed out; details: `isCluster`, whether the URL is one of a cluster. */
  | 'TLS_TIMEOUT'
  /**
   * The server closed a connection without TLS before any reply, as it does on a port with TLS; details: `isCluster`,
   * whether the URL is one of a cluster.
   */
  | 'TLS_EXPECTED'
  /** The server closed a connection with TLS before any reply. */
  | 'TLS_CONNECTION_CLOSED'
  /** The sentinels know no master of the name that the URL gives. */
  | 'UNKNOWN_MASTER'
  /** None of the sentinels replies. */
  | 'NO_SENTINEL'
  /** The cluster is not set up: it has no hash slots assigned to its nodes. */
  | 'NO_SLOTS'
  /** The cluster node does not know its own address, so it cannot tell clients where to connect. */
  | 'NO_NODE_ADDRESS'
  /** The URL is one of a cluster, and the server is not a cluster node. */
  | 'NOT_A_CLUSTER'
  /** devstate should start a Redis server, but found no program `redis-server`. */
  | 'NO_REDIS_SERVER'
  /** The URL of the server is not valid. */
  | 'INVALID_URL'
  /** The URL of the server contains a `#` or `?`, probably in a password, where it must be escaped (%23, %3F). */
  | 'UNESCAPED_PASSWORD';

/** Values that complete the message of an error. The comment of each `ErrorReason` says which values it has. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean>>;
