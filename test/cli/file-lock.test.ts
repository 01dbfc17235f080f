/** The lock of the contexts file: what two and three processes do to it in turns. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { withFileLock } from '../../src/cli/file-lock.js';

/** What other processes do at each pause of one that waits, and before and after a lock is renamed. */
const others = vi.hoisted(() => ({ atPause: () => {}, beforeRename: () => {}, afterRename: () => {} }));

vi.mock('node:timers/promises', () => ({
  async setTimeout(ms: number) {
    vi.advanceTimersByTime(ms);
    others.atPause();
  },
}));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  return {
    ...fs,
    renameSync(from: string, to: string) {
      others.beforeRename();
      fs.renameSync(from, to);
      others.afterRename();
    },
  };
});

let folder: string;
let file: string;
let lock: string;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] });
  folder = mkdtempSync(join(tmpdir(), 'devstate-lock-'));
  file = join(folder, 'file');
  lock = `${file}.lock`;
});
afterEach(() => {
  vi.useRealTimers();
  Object.assign(others, { atPause: () => {}, beforeRename: () => {}, afterRename: () => {} });
  rmSync(folder, { recursive: true });
});

/** Takes the lock and returns after how many ms it was there. */
async function wait(): Promise<number> {
  const start = performance.now();
  return withFileLock(file, async () => performance.now() - start);
}

/** Calls `action` once, the first time that the returned function is called. */
function once(action: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    action();
  };
}

/** Returns a function that calls `action` when this many ms have passed. */
function after(ms: number, action: () => void): () => void {
  const start = performance.now();
  const act = once(action);
  return () => {
    if (performance.now() - start > ms) act();
  };
}

/** A process that was faster: it removes the lock that is there, and has one of its own. */
function replaceLock(token: string): void {
  rmSync(lock);
  writeFileSync(lock, token);
}

test('a lock is there while the file is changed, and is removed, also if the change fails', async () => {
  await withFileLock(file, async () => expect(readdirSync(folder)).toEqual(['file.lock']));
  const failure = new Error('no');
  await expect(withFileLock(file, () => Promise.reject(failure))).rejects.toBe(failure);
  expect(readdirSync(folder)).toEqual([]);
});

test.each(['a token', ''])('a lock that stays the same for 5 s is removed: %j', async (token) => {
  writeFileSync(lock, token);
  const waited = await wait();
  expect(waited).toBeGreaterThan(5000);
  expect(waited).toBeLessThan(6000);
  expect(readdirSync(folder)).toEqual([]);
});

test('no wall clock decides what is stale', async () => {
  writeFileSync(lock, 'held');
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'Date'], now: Date.now() + 86_400_000 });
  others.atPause = after(1000, () => rmSync(lock));
  const waited = await wait();
  expect(waited).toBeGreaterThan(1000);
  expect(waited).toBeLessThan(2000);
});

test('a lock that another process has meanwhile created is a new one, though it has the same inode', async () => {
  writeFileSync(lock, 'first');
  others.atPause = after(4000, () => writeFileSync(lock, 'second'));
  expect(await wait()).toBeGreaterThan(9000);
});

test('a lock that another process creates before the stale one is renamed is put back', async () => {
  writeFileSync(lock, 'stale');
  others.beforeRename = once(() => replaceLock('faster'));
  others.afterRename = once(() => {
    others.atPause = once(() => {
      expect(readFileSync(lock, 'utf8')).toBe('faster');
      expect(readdirSync(folder)).toEqual(['file.lock']);
      rmSync(lock);
    });
  });
  expect(await wait()).toBeLessThan(6000);
  expect(existsSync(lock)).toBe(false);
});

test('a lock of a third process stays, and nothing else does, if one cannot be put back', async () => {
  writeFileSync(lock, 'stale');
  others.beforeRename = once(() => replaceLock('faster'));
  others.afterRename = once(() => {
    writeFileSync(lock, 'third');
    others.atPause = once(() => {
      expect(readFileSync(lock, 'utf8')).toBe('third');
      expect(readdirSync(folder)).toEqual(['file.lock']);
      rmSync(lock);
    });
  });
  expect(await wait()).toBeLessThan(6000);
  expect(readdirSync(folder)).toEqual([]);
});

test('a stale lock that another process removes first is no error', async () => {
  writeFileSync(lock, 'stale');
  others.beforeRename = once(() => rmSync(lock));
  expect(await wait()).toBeLessThan(6000);
  expect(readdirSync(folder)).toEqual([]);
});

test('a process that was stopped while it had the lock leaves that of another, and starts again', async () => {
  const done: string[] = [];
  let isStopped = true;
  await withFileLock(file, async (assertHeld) => {
    if (isStopped) {
      isStopped = false;
      // The other one waits for 5 s, takes the lock over, and changes the file.
      await withFileLock(file, async (assertOtherHeld) => {
        expect(assertHeld).toThrow();
        assertOtherHeld();
        done.push('other');
      });
      writeFileSync(lock, 'third');
      others.atPause = once(() => {
        expect(readFileSync(lock, 'utf8')).toBe('third');
        rmSync(lock);
      });
    }
    assertHeld();
    done.push('stopped');
  });
  expect(done).toEqual(['other', 'stopped']);
  expect(readdirSync(folder)).toEqual([]);
});

test('a lock that cannot be had in 15 s is named, with what to do', async () => {
  let holders = 0;
  writeFileSync(lock, 'held');
  others.atPause = () => {
    vi.advanceTimersByTime(500);
    writeFileSync(lock, `held ${holders++}`);
  };
  await expect(wait()).rejects.toMatchObject({
    code: 'USAGE',
    message: `other processes have had the lock ${lock} for 15 s`,
    hint: 'try again when they have ended; if there are none, remove that file',
  });
  expect(readFileSync(lock, 'utf8')).toMatch(/^held/);
});

test('a lock that cannot be read is named', async () => {
  mkdirSync(lock);
  await expect(wait()).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining(`cannot read the lock ${lock}`),
    hint: 'remove it',
  });
});
