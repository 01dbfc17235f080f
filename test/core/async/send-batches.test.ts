/** Many items in one call: which failures are of one item only, and what is kept when the connection is lost midway. */
import { describe, expect, test } from 'vitest';
import {
  type Send,
  sendBatches,
  sendEach,
  sendUnfinished,
  sendValidItems,
} from '../../../src/core/async/send-batches.js';
import { DevstateError, usageError } from '../../../src/core/model/errors.js';

const refused = new DevstateError('CONNECTION', 'refused', { reason: 'PERMISSION_DENIED' });
const unknown = new DevstateError('CONNECTION', 'no answer', {
  reason: 'OUTCOME_UNKNOWN',
  outcome: 'unknown',
});
const UNKNOWN = (id: string) => ({
  code: 'CONNECTION',
  message: `device "${id}": no answer`,
  outcome: 'unknown',
});
const NOT_SENT = (id: string) => ({
  code: 'CONNECTION',
  message: `device "${id}": not sent, because an earlier request failed`,
  outcome: undefined,
  reason: undefined,
});

/** Answers each item with itself in capitals, but fails for batches with an item in `losses`. Records what was sent. */
function sender(losses: Record<string, Error>): { send: Send<string, string>; sent: string[] } {
  const sent: string[] = [];
  return {
    sent,
    async send(batch) {
      sent.push(batch.join(''));
      await Promise.resolve();
      for (const item of batch) if (losses[item]) throw losses[item];
      return batch.map((item) => item.toUpperCase());
    },
  };
}

const BATCHES = [['a', 'b'], ['c', 'd'], ['e'], ['f']];

describe('batches', () => {
  test('what was answered before and beside a loss is kept, and nothing is sent after it', async () => {
    const { send, sent } = sender({ d: unknown });
    expect(await sendBatches(BATCHES, send, 1)).toMatchObject([
      'A',
      'B',
      UNKNOWN('c'),
      UNKNOWN('d'),
      NOT_SENT('e'),
      NOT_SENT('f'),
    ]);
    expect(sent).toEqual(['ab', 'cd']);
    const together = sender({ a: unknown });
    expect(await sendBatches(BATCHES, together.send, 3)).toMatchObject([
      UNKNOWN('a'),
      UNKNOWN('b'),
      'C',
      'D',
      'E',
      NOT_SENT('f'),
    ]);
  });

  test('if none is answered the call rejects; as unknown, if any may have been done', async () => {
    const one = sender({ a: unknown });
    await expect(sendBatches(BATCHES, one.send, 1)).rejects.toBe(unknown);
    expect(one.sent).toEqual(['ab']);
    const { send } = sender({ a: refused, c: unknown });
    await expect(sendBatches(BATCHES.slice(0, 2), send, 2)).rejects.toBe(unknown);
  });

  test('what was not sent has the reason of the failure, unless that is the unknown outcome', async () => {
    const { send } = sender({ c: refused });
    expect(await sendBatches(BATCHES, send, 1)).toMatchObject([
      'A',
      'B',
      { message: 'device "c": refused' },
      { message: 'device "d": refused' },
      { reason: 'PERMISSION_DENIED' },
      { reason: 'PERMISSION_DENIED' },
    ]);
  });

  test('a bug rejects, whatever was answered before', async () => {
    const { send } = sender({ c: new TypeError('a bug') });
    await expect(sendBatches(BATCHES, send, 1)).rejects.toThrow('a bug');
  });
});

describe('items sent one by one', () => {
  const work = (losses: Record<string, Error>) => async (id: string) => {
    if (losses[id]) throw losses[id];
    return id.toUpperCase();
  };

  test('fail alone', async () => {
    const results = await sendEach(['a', 'b', 'c'], work({ a: unknown, b: usageError('wrong') }));
    expect(results).toMatchObject([UNKNOWN('a'), { code: 'USAGE', message: 'wrong' }, 'C']);
    const inOrder = await sendEach(['a', 'b', 'c'], work({ b: unknown }), 1);
    expect(inOrder).toMatchObject(['A', UNKNOWN('b'), NOT_SENT('c')]);
    expect(await sendEach([], work({}))).toEqual([]);
  });

  test('reject if none is answered', async () => {
    await expect(sendEach(['a', 'b'], work({ a: refused, b: unknown }))).rejects.toBe(unknown);
  });
});

describe('items sent again', () => {
  const isOpen = (result: unknown): result is number => typeof result === 'number';

  test('get their new results; if they are lost, the final results are kept', async () => {
    const { send, sent } = sender({});
    expect(await sendUnfinished(['a', 'b', 'c'], ['A', 1, 2], isOpen, send)).toEqual(['A', 'B', 'C']);
    expect(sent).toEqual(['bc']);
    expect(await sendUnfinished(['a'], ['A'], isOpen, () => Promise.reject(unknown))).toEqual(['A']);
    const lost = await sendUnfinished(['a', 'b'], [1, 'B'], isOpen, () => Promise.reject(unknown));
    expect(lost).toMatchObject([UNKNOWN('a'), 'B']);
    await expect(sendUnfinished(['a'], [1], isOpen, () => Promise.reject(unknown))).rejects.toBe(unknown);
  });
});

describe('validated items', () => {
  const short = (text: string) => {
    if (text.length > 8) throw usageError(`${text} is long`);
    return text;
  };

  test('are sent together, in parts; what is invalid is not sent', async () => {
    const { send, sent } = sender({});
    expect(await sendValidItems(['a', 'not short', 'b'], short, send)).toMatchObject([
      'A',
      { message: 'not short is long' },
      'B',
    ]);
    expect(sent).toEqual(['ab']);
    await expect(sendValidItems(['a'], short, () => Promise.reject(refused))).rejects.toBe(refused);
    const broken = () => {
      throw new TypeError('a bug');
    };
    await expect(sendValidItems(['a'], broken, send)).rejects.toThrow('a bug');
  });

  test('keep the results of the parts before a loss', async () => {
    const inputs = Array.from({ length: 30_001 }, (_, i) => `${i}`);
    inputs[20_001] = 'too long for this';
    let parts = 0;
    const results = await sendValidItems(inputs, short, async (items) => {
      parts += 1;
      if (parts === 2) throw unknown;
      return items;
    });
    expect(parts).toBe(2);
    expect(results.slice(0, 10_000)).toEqual(inputs.slice(0, 10_000));
    expect(results.slice(9_999, 10_001)).toMatchObject(['9999', UNKNOWN('10000')]);
    expect(results.slice(20_000, 20_002)).toMatchObject([NOT_SENT('20000'), { code: 'USAGE' }]);
  });
});
