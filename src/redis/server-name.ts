/** The name of a server in a TLS handshake (SNI, "server name indication"). */
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

/** The option for SNI and for the check of the certificate's name; empty for an IP address, which has no SNI. */
export function serverName(host: string): ConnectionOptions {
  return isIP(host) === 0 ? { servername: host } : {};
}
