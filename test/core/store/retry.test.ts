import { describe, expect, test, vi } from 'vitest';
import { DevstateError } from '../../../src/core/model/errors.js';
import { requestWithTimeout } from '../../../src/core/store/retry.js';

const loading = new Error('LOADING Redis is loading the dataset in memory');
const never = () => new Promise<never>(() => {});

describe('a request', () => {
  test('is sent again while the server is loading', async () => {
    const request = vi
      .fn(async () => 'done')
      .mockRejectedValueOnce(loading)
      .mockRejectedValueOnce(loading);
    expect(await requestWithTimeout(10_000, request)).toBe('done');
    expect(request).toHaveBeenCalledTimes(3);
  });

  test('rejects with the last reply after the timeout, and is not sent again', async () => {
    const request = vi.fn(async () => Promise.reject(loading));
    await expect(requestWithTimeout(50, request)).rejects.toBe(loading);
    const { length } = request.mock.calls;
    expect(length).toBeGreaterThan(1);
    await expect(requestWithTimeout(500, never)).rejects.toThrow('timed out');
    expect(request).toHaveBeenCalledTimes(length);
  });

  test('that is waiting for its reply at the timeout is not sent again, whatever the reply is', async () => {
    let refuse = (_error: Error) => {};
    const request = vi.fn(() => new Promise<never>((_resolve, reject) => (refuse = reject)));
    await expect(requestWithTimeout(10, request)).rejects.toThrow('timed out');
    refuse(loading);
    await expect(requestWithTimeout(300, never)).rejects.toThrow('timed out');
    expect(request).toHaveBeenCalledOnce();
  });

  test('without a reply rejects with a CONNECTION error after the timeout', async () => {
    await expect(requestWithTimeout(10, never)).rejects.toMatchObject({
      code: 'CONNECTION',
      message: 'timed out',
    });
  });

  test.each([
    new Error('OOM command not allowed'),
    new Error('Connection is closed.'),
    new DevstateError('USAGE', 'refused'),
  ])('that fails for another reason is not sent again: %s', async (error) => {
    const request = vi.fn(async () => Promise.reject(error));
    await expect(requestWithTimeout(10_000, request)).rejects.toBe(error);
    expect(request).toHaveBeenCalledOnce();
  });
});
