/** An authority that only the system trusts is trusted where Node can read those of the system. */
import tls from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { makeCertificates } from '../support/certificates.js';
import { startTls } from '../support/tls.js';
import { finished, start } from './bin-process.js';

test('SSL_CERT_FILE names the authorities of the system', async () => {
  const made = await makeCertificates();
  onTestFinished(() => made.remove());
  const server = await startTls(made, 'server');
  onTestFinished(() => server.stop());
  const argv = ['stats', '--json', '--url', `rediss://localhost:${server.port}`];
  const { exit } = await finished(start(argv, { SSL_CERT_FILE: made.pem('ca') }));
  expect(exit).toBe('getCACertificates' in tls ? 0 : 5);
});
