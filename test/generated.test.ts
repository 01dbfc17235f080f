/** What is made from the program's declarations is as the program is. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('completions/ and the README agree with the program', async () => {
  await expect(
    promisify(execFile)(process.execPath, ['scripts/generate.js', '--check']),
  ).resolves.toMatchObject({ stdout: '' });
});
