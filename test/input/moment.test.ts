import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { momentTime, parseMoment } from '../../src/input/moment.js';

const NOW = Date.parse('2026-11-24T10:00:00.123Z');
const timeOf = (text: string) => momentTime(parseMoment(text), async () => NOW);

describe('parseMoment', () => {
  it.each([
    ['15m', '2026-11-24T09:45:00.123Z'],
    ['1h30m', '2026-11-24T08:30:00.123Z'],
    ['0', '2026-11-24T10:00:00.123Z'],
    ['20261124', '2026-04-03T21:54:36.123Z'],
    ['2026-11-24', '2026-11-24T00:00:00.000Z'],
    ['2026-11-24T10:00', '2026-11-24T10:00:00.000Z'],
    ['2026-11-24T10:00Z', '2026-11-24T10:00:00.000Z'],
    ['2026-11-24 10:00:30', '2026-11-24T10:00:30.000Z'],
    ['2026-11-24t10:00:30.5z', '2026-11-24T10:00:30.500Z'],
    ['2026-11-24T10:00:30.1239999Z', '2026-11-24T10:00:30.123Z'],
    ['2026-11-24T10:00:30+05:30', '2026-11-24T04:30:30.000Z'],
    ['2026-11-24T10:00-08:00', '2026-11-24T18:00:00.000Z'],
    ['2028-02-29', '2028-02-29T00:00:00.000Z'],
    ['1795514400123', '2026-11-24T10:00:00.123Z'],
    ['100000000000', '1973-03-03T09:46:40.000Z'],
    ['1900-01-01', '1970-01-01T00:00:00.000Z'],
    ['99999d', '1970-01-01T00:00:00.000Z'],
  ])('%s', async (text, iso) => {
    expect(new Date(await timeOf(text)).toISOString()).toBe(iso);
  });

  it.each([
    '',
    'now',
    '2026-02-30',
    '2026-02-29',
    '2026-13-01',
    '2026-00-10',
    '2026-11-24T24:00',
    '2026-11-24T10:60',
    '2026-11-24T10:00:60',
    '2026-11-24T10',
    '2026-11-24T10:00+25:00',
    '2026-11-24T10:00+0530',
    '2026-11-24Z',
    '24.11.2026',
    '-5',
    '9'.repeat(30),
    '2026-11-24T10:00:00.Z',
  ])('refuses %j and names the accepted forms', (text) => {
    expect(() => parseMoment(text)).toThrowError(
      expect.objectContaining({ code: 'USAGE', hint: expect.stringContaining('2026-11-24T10:00:00Z') }),
    );
  });

  it('asks for the time only where a duration ago needs it', async () => {
    const readNow = () => Promise.reject(new Error('asked'));
    expect(await momentTime(parseMoment('1795514400123'), readNow)).toBe(NOW);
    await expect(momentTime(parseMoment('15m'), readNow)).rejects.toThrow('asked');
  });

  it('reads the output of toISOString, and epoch milliseconds', () => {
    const dates = fc.date({
      min: new Date(1e11),
      max: new Date('9999-12-31T23:59:59.999Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(dates, (date) => {
        expect(parseMoment(date.toISOString())).toEqual({ at: date.getTime() });
        expect(parseMoment(String(date.getTime()))).toEqual({ at: date.getTime() });
      }),
    );
  });
});
