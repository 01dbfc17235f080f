/** The reasons of errors: a finer distinction than the error code. */

/**
 * The cause of an error where its code covers several. The command line prints a hint for each reason
 * (cli/hints.ts). An error whose code and message suffice has no reason.
 */
export type ErrorReason =
  /** The device is not registered. */
  | 'NOT_REGISTERED'
  /** The device is registered already, and only a new registration was asked for. */
  | 'ALREADY_REGISTERED'
  /** The device was registered after the time that was asked about; details: `registeredAt` in ms since the epoch. */
  | 'REGISTERED_LATER'
  /** The id is `-`, which stands for standard input on a command line. */
  | 'RESERVED_ID'
  /** The fleet was opened read-only and a write was asked for. */
  | 'READ_ONLY'
  /** The desired state has another version than the expected one. */
  | 'VERSION_MISMATCH'
  /** Other writers changed the device during each attempt to write it. */
  | 'DEVICE_BUSY'
  /** The id of a presence event is not one of this fleet. */
  | 'UNKNOWN_EVENT_ID'
  /** A stored document is not valid; details: `deviceId`. */
  | 'BROKEN_DOCUMENT'
  /** The index cannot be built because some records are broken. */
  | 'BROKEN_RECORDS'
  /** A key has another Redis type than devstate stores there. */
  | 'WRONG_KEY_TYPE'
  /** The dialect that the caller gave is not the fleet's. */
  | 'DIALECT_MISMATCH'
  /** The fleet declares no dialect, and Redis denies reading the records that show it. */
  | 'DIALECT_UNKNOWN'
  /** `devices:meta` declares a dialect that does not exist. */
  | 'INVALID_DIALECT'
  /** The number of partitions cannot change because the fleet has devices. */
  | 'PARTITIONS_IN_USE'
  /** The number of partitions changed during the operation. */
  | 'PARTITIONS_CHANGED'
  /** The server is a cluster, and the fleet has only one partition. */
  | 'PARTITIONS_REQUIRED'
  /** The server requires a password and none was given. */
  | 'PASSWORD_REQUIRED'
  /** The server does not accept the user name and password. */
  | 'WRONG_PASSWORD'
  /** An ACL rule of the server denies the user a command, key or channel. */
  | 'PERMISSION_DENIED'
  /** The server is loading its data set. */
  | 'SERVER_LOADING'
  /** The server is a replica, which accepts no writes. */
  | 'SERVER_IS_REPLICA'
  /** The server is a replica that has no connection to its master. */
  | 'MASTER_DOWN'
  /** The server is running another script. */
  | 'SERVER_BUSY'
  /** The server refuses writes because it could not save its data. */
  | 'PERSISTENCE_FAILED'
  /** The server has reached `maxmemory`. */
  | 'OUT_OF_MEMORY'
  /** The server is a node of a cluster, and the connection is not one to a cluster. */
  | 'CLUSTER_NODE'
  /** The cluster does not serve all its slots. */
  | 'CLUSTER_DOWN'
  /** The cluster is moving the keys to another node. */
  | 'SLOT_MOVING'
  /** The server has fewer replicas than `min-replicas-to-write`. */
  | 'TOO_FEW_REPLICAS'
  /** The server has reached `maxclients`. */
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
  /** The server ended the TLS handshake; with TLS 1.2 also if a client certificate is missing. */
  | 'TLS_HANDSHAKE_REFUSED'
  /** The server does not use TLS on this port. */
  | 'TLS_NOT_SUPPORTED'
  /** No connection to the server could be made. */
  | 'SERVER_UNREACHABLE'
  /** The server is reachable but refused a command of the connection set-up, such as `SELECT`. */
  | 'CONNECT_REFUSED'
  /** The master that the sentinels name cannot be reached. */
  | 'MASTER_UNREACHABLE'
  /** A connection with TLS timed out; details: `isCluster`. */
  | 'TLS_TIMEOUT'
  /** The server closed a connection without TLS, as a port with TLS does; details: `isCluster`. */
  | 'TLS_EXPECTED'
  /** The server closed a connection with TLS without sending anything. */
  | 'TLS_CONNECTION_CLOSED'
  /** The sentinels know no master of this name. */
  | 'UNKNOWN_MASTER'
  /** None of the sentinels replies. */
  | 'NO_SENTINEL'
  /** The cluster has no slots assigned. */
  | 'NO_SLOTS'
  /** The cluster node does not know its own address. */
  | 'NO_NODE_ADDRESS'
  /** The URL is one of a cluster, and the server is not a cluster node. */
  | 'NOT_A_CLUSTER'
  /** No redis-server program was found to start. */
  | 'NO_REDIS_SERVER'
  /** The URL of the server is not valid. */
  | 'INVALID_URL'
  /** The URL contains a `#` or `?` that must be escaped in a password. */
  | 'UNESCAPED_PASSWORD';

/** Values of one error: which ones, is said with its `ErrorReason`. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean>>;
