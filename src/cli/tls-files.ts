/**
 * Reads the files that --ca, --cert and --key name, and checks them, so that a bad file is reported before
 * connecting.
 */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import {
  type ConnectionOptions,
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
} from 'node:tls';
import { fileProblem, quote, usageError } from '../core/model/errors.js';
import { trustedAuthorities } from './trusted-authorities.js';

/** The TLS options of a command line. `ca`, `cert` and `key` are paths of PEM files. */
export interface TlsFiles {
  /** The certificate authorities to trust instead of those of Node and of the system. */
  ca?: string;
  /** The client's certificate; it needs `key`. */
  cert?: string;
  /** The private key of `cert`. */
  key?: string;
  /** True: the server's certificate is not verified. False: connecting fails if it is not valid. */
  insecure?: boolean;
}

/**
 * Reads the files and returns the options of TLS for all connections to one server. They share one context: to make
 * one with the authorities of the system takes 10 to 30 ms, and otherwise each connection would.
 * @throws DevstateError USAGE: a file is unreadable or not PEM, or the key does not match the certificate
 */
export async function readTls({ ca, cert, key, insecure }: TlsFiles): Promise<ConnectionOptions> {
  const authorities = ca === undefined ? trustedAuthorities() : await readCertificate('--ca', ca);
  const trusted = authorities && { ca: authorities };
  return {
    ...(insecure && { rejectUnauthorized: false }),
    secureContext: await secureContext(trusted, cert, key),
  };
}

async function secureContext(
  trusted: SecureContextOptions | undefined,
  cert: string | undefined,
  key: string | undefined,
): Promise<SecureContext> {
  if (cert === undefined && key === undefined) return createSecureContext(trusted);
  if (cert === undefined || key === undefined) throw usageError('--cert and --key must be given together');
  const pair = { cert: await readCertificate('--cert', cert), key: await read('--key', key) };
  try {
    return createSecureContext({ ...trusted, ...pair });
  } catch (error) {
    const reason =
      KEY_PROBLEMS[(error as NodeJS.ErrnoException).code ?? ''] ?? 'it contains no private key in PEM form';
    throw usageError(`--key ${quote(key)}: ${reason}`);
  }
}

const KEY_PROBLEMS: Record<string, string> = {
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: 'it does not match the certificate',
  ERR_OSSL_BAD_DECRYPT: 'it is encrypted; a key without a passphrase is needed',
};

/**
 * Reads a certificate and checks that it is one. Node.js ignores a certificate authority that it cannot parse, so
 * without the check the user would only see that the server's certificate is not trusted.
 */
async function readCertificate(option: string, path: string): Promise<Buffer> {
  const pem = await read(option, path);
  if (!isCertificate(pem))
    throw usageError(`${option} ${quote(path)}: it contains no certificate in PEM form`);
  return pem;
}

function isCertificate(pem: Buffer): boolean {
  try {
    new X509Certificate(pem);
    return pem.includes('-----BEGIN '); // X509Certificate also accepts the binary form DER; Node's TLS options do not, so the PEM marker is required too
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
