import { expect, test } from 'vitest';
import { StateMachine } from '../../../src/core/async/state-machine.js';
import { DevstateError } from '../../../src/core/model/errors.js';

const door = () =>
  new StateMachine<'OPEN' | 'CLOSED' | 'LOCKED'>('door', 'OPEN', {
    OPEN: ['CLOSED'],
    CLOSED: ['OPEN', 'LOCKED'],
    LOCKED: [],
  });

test('follows the transitions of its table', () => {
  const machine = door();
  expect(machine.mode).toBe('OPEN');
  machine.change('CLOSED');
  machine.change('LOCKED');
  expect(machine.mode).toBe('LOCKED');
});

test('throws on a transition that is not in the table, and keeps its mode', () => {
  const machine = door();
  expect(() => machine.change('LOCKED')).toThrow(
    new DevstateError('INTERNAL', 'door: no transition from OPEN to LOCKED'),
  );
  expect(machine.mode).toBe('OPEN');
});

test('accepts a change to the current mode', () => {
  const machine = door();
  machine.change('OPEN');
  expect(machine.mode).toBe('OPEN');
});
