/**
 * Returns a device as `get_device_state` and `getDeviceState` do.
 * @param record its hash
 * @param isOnline the reply of EXISTS for its heartbeat key
 */
export function deviceOf({ field, loads }, id, record, isOnline) {
  return {
    deviceId: id,
    status: isOnline ? 'online' : 'offline',
    reportedState: loads(record[field('reportedState')]),
    desiredState: loads(record[field('desiredState')]),
    lastSeen: Number.parseFloat(record[field('lastSeen')] ?? '0'),
    metadata: loads(record.metadata),
  };
}
