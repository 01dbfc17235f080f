/** The name of the server that a client sends in a TLS handshake (SNI, "server name indication"). */
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

/**
 * Returns the TLS option with the server's name, for SNI and for checking the certificate; no option for an IP
 * address, because SNI allows only host names.
 */
export function serverName(host: string): ConnectionOptions {
  return isIP(host) === 0 ? { servername: host } : {};
}
