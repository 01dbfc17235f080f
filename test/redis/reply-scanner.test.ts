/** The scanner finds the same in a reply however the reply is split into chunks. */
import { expect, test } from 'vitest';
import { ReplyScanner } from '../../src/redis/reply-scanner.js';
import { array, bulk, errorReply, integer, NIL, OK } from '../support/faults/resp.js';

const VALID = [
  OK,
  integer(-12),
  NIL,
  '*-1\r\n',
  array(),
  bulk(''),
  bulk('é\r\n$5\r\n'),
  errorReply('ERR no\tsuch'),
  array(bulk('a'), array(NIL, array(), integer(0)), array(array(OK))),
];
const INVALID = [
  '$-2\r\n',
  '*-3\r\n',
  '$1x\r\n',
  '*\u0000\r\n',
  ':1-\r\n',
  'GET\r\n',
  '\r\n',
  '%1\r\n',
  '$1\r\na\r\n?',
];

/** Scans the text in chunks of a size. */
function scan(text: string, size: number): void {
  const scanner = new ReplyScanner();
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) scanner.scan(bytes.subarray(at, at + size));
}

test.each([1, 2, 3, 7, 1000])('in chunks of %i bytes', (size) => {
  scan(VALID.join(''), size);
  for (const text of INVALID) expect(() => scan(VALID.join('') + text, size), text).toThrow(/not a reply/);
});

test('counts the items and the bytes of each reply anew', () => {
  const scanner = new ReplyScanner();
  const reply = Buffer.from(array(...Array.from({ length: 1000 }, () => bulk('x'.repeat(1000)))));
  for (let i = 0; i < 5000; i++) scanner.scan(reply); // 5,000,000 items, 5 GB
  expect(() => scanner.scan(Buffer.from(`*4194305\r\n`))).toThrow(/too large/);
});
