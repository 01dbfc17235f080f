/** What a TLS connection is made with: files that are read and tried before anything is connected. */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { type ConnectionOptions, createSecureContext } from 'node:tls';
import { fileProblem, quote, usageError } from '../core/model/errors.js';

/** Paths of PEM files. */
export interface TlsFiles {
  /** The authorities to trust, instead of the system's. */
  ca?: string;
  /** The client's certificate, and its key. */
  cert?: string;
  key?: string;
  /** Whose the server's certificate is, and who signed it, is not looked at. */
  insecure?: boolean;
}

/** @throws DevstateError USAGE: unreadable, no PEM, a key without its certificate or of another */
export async function readTls({ ca, cert, key, insecure }: TlsFiles): Promise<ConnectionOptions> {
  const options: ConnectionOptions = insecure ? { rejectUnauthorized: false } : {};
  if (ca !== undefined) options.ca = await readCertificate('--ca', ca);
  if (cert === undefined && key === undefined) return options;
  if (cert === undefined || key === undefined) throw usageError('--cert and --key go together');
  const pair = { cert: await readCertificate('--cert', cert), key: await read('--key', key) };
  try {
    createSecureContext(pair);
  } catch (error) {
    const reason =
      KEY_PROBLEMS[(error as NodeJS.ErrnoException).code ?? ''] ?? 'it holds no private key in PEM';
    throw usageError(`--key ${quote(key)}: ${reason}`);
  }
  return { ...options, ...pair };
}

/** The name that a server is asked for, and whose certificate it must show; none for one named by address. */
export function serverName(host: string): ConnectionOptions {
  return isIP(host) === 0 ? { servername: host } : {};
}

const KEY_PROBLEMS: Record<string, string> = {
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: 'it is not the key of that certificate',
  ERR_OSSL_BAD_DECRYPT: 'it has a passphrase; one without is due',
};

/** Tried here, because authorities that cannot be read would be passed over in silence. */
async function readCertificate(option: string, path: string): Promise<Buffer> {
  const pem = await read(option, path);
  if (!isCertificate(pem)) throw usageError(`${option} ${quote(path)}: it holds no certificate in PEM`);
  return pem;
}

function isCertificate(pem: Buffer): boolean {
  try {
    new X509Certificate(pem);
    return pem.includes('-----BEGIN '); // the bare bytes are a certificate too, but none for a connection
  } catch {
    return false;
  }
}

async function read(option: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw usageError(`${option} ${quote(path)}: ${fileProblem(error)}`);
  }
}
