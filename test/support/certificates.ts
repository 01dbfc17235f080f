/**
 * Certificates that openssl creates when a test runs: of an authority, those that it signed for servers and clients,
 * and some that TLS must reject.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const LOOPBACK = 'DNS:localhost,IP:127.0.0.1';
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export interface Certificates {
  /** `pem` returns the path of a certificate, `key` the path of its private key. */
  pem(name: Name): string;
  key(name: Name): string;
  /** Returns the path of a file of this name in the same folder; it need not exist. */
  path(name: string): string;
  remove(): Promise<void>;
}

type Name = 'ca' | 'other-ca' | 'server' | 'expired' | 'elsewhere' | 'self-signed' | 'client' | 'stranger';

export async function makeCertificates(): Promise<Certificates> {
  const dir = await mkdtemp(join(tmpdir(), 'devstate-tls-'));
  const path = (name: string) => join(dir, name);
  const openssl = (...args: string[]) => run('openssl', args, { cwd: dir });
  const authority = (name: Name, names?: string) =>
    openssl(
      'req',
      '-x509',
      ...NEW_KEY,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
      '-subj',
      `/CN=${name}`,
      '-days',
      '2',
      ...(names ? ['-addext', `subjectAltName=${names}`] : []),
    );
  const signed = async (name: Name, names: string, days: string, by: Name) => {
    await openssl('req', ...NEW_KEY, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    await writeFile(path(`${name}.ext`), `subjectAltName=${names}`);
    await openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      `${by}.pem`,
      '-CAkey',
      `${by}.key`,
      '-CAcreateserial',
      '-out',
      `${name}.pem`,
      '-days',
      days,
      '-extfile',
      `${name}.ext`,
    );
  };
  await authority('ca');
  await authority('other-ca');
  await authority('self-signed', LOOPBACK);
  await signed('server', LOOPBACK, '2', 'ca');
  await signed('expired', LOOPBACK, '-1', 'ca');
  await signed('elsewhere', 'DNS:db.example', '2', 'ca');
  await signed('client', 'DNS:client', '2', 'ca');
  await signed('stranger', 'DNS:client', '2', 'other-ca');
  return {
    path,
    pem: (name) => path(`${name}.pem`),
    key: (name) => path(`${name}.key`),
    remove: () => rm(dir, { recursive: true }),
  };
}
