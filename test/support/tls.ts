/** Starts redis-servers whose port accepts TLS only; tests reach them without TLS by their socket. */
import {
  freePort,
  type PrivateServer,
  type ServerOptions,
  startServer,
} from '../../src/redis/private-server.js';
import type { Certificates } from './certificates.js';

export interface TlsServer extends PrivateServer {
  readonly port: number;
}

export async function startTls(
  { pem, key }: Certificates,
  name: Parameters<Certificates['pem']>[0],
  { clients = 'no', args = [] }: { clients?: 'yes' | 'no' } & Pick<ServerOptions, 'args'> = {},
): Promise<TlsServer> {
  const port = await freePort();
  const server = await startServer({
    args: [
      '--tls-port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--tls-auth-clients',
      clients,
      '--tls-cert-file',
      pem(name),
      '--tls-key-file',
      key(name),
      '--tls-ca-cert-file',
      pem('ca'),
      ...args,
    ],
  });
  return Object.assign(server, { port });
}
