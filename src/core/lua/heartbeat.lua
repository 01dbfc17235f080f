-- heartbeat: the devices are alive now; some bring a report.
-- KEYS   online activity log pulse | state heartbeat history:reported history:presence
-- ARGV   now dialect channel logCap historyCap defaultTtl longestTtl | id ttl reported expectedVersion expectedText
-- Reply  for each device: {1, was offline, now, deadline, desired version}; {0}: not registered;
--        {2, version, text}: the report to merge into is another one by now; {3, error}.
-- Events online (heartbeat); after an unannounced lapse offline (timeout) before it, but
--        during a hold none.
-- @include base
-- @include record
-- @include history
-- @include announce
-- @include pulse

local now = moment()
probe('SCARD', 'ZCARD', 'XLEN')
local read = deviceReader({'reported'})
local pulse = takePulse(KEYS[4], now, tonumber(ARGV[7]), false)

local function deadlineOf(device, ttl)
  if ttl ~= '' then return now + tonumber(ttl) end
  local own = device.state[OWN_TTL]
  return now + (own > 0 and own or tonumber(ARGV[6]))
end

local function announce(device, wasOffline)
  if not isAnnouncedOnline(device) then
    transition(device, 'online', now, 'heartbeat')
  elseif wasOffline and not isHeld(pulse, now) then
    transition(device, 'offline', lapsedAt(device, scoreOf(KEYS[2], device.id), now), 'timeout')
    transition(device, 'online', now, 'heartbeat')
  end
end

local function changedFields(device, reported)
  local fields = {device.dialect.lastSeen, instant(device.dialect, now)}
  local function set(field, value)
    table.insert(fields, field)
    table.insert(fields, value)
  end
  if device.status ~= 'online' then set(device.dialect.status, 'online') end
  if reported then set(device.dialect.reported, reported) end
  if reported or device.events then set('devstate', packState(device.state)) end
  return unpack(fields)
end

local function beat(keyAt, argAt)
  local id, ttl, reported = ARGV[argAt], ARGV[argAt + 1], ARGV[argAt + 2]
  local expectedVersion, expectedText = ARGV[argAt + 3], ARGV[argAt + 4]
  local device = read(id, KEYS[keyAt])
  if not device then return {0} end
  local state, stored = device.state, text(device.values[EXTRA])
  if expectedVersion ~= '' and (expectedVersion ~= int(state[REPORTED_VERSION]) or expectedText ~= stored) then
    return {2, state[REPORTED_VERSION], stored}
  end
  if reported == '' or reported == stored then reported = nil end

  local wasOffline = redis.call('EXISTS', KEYS[keyAt + 1]) == 0
  local deadline = deadlineOf(device, ttl)
  announce(device, wasOffline)
  if reported then
    state[REPORTED_VERSION] = state[REPORTED_VERSION] + 1
    state[REPORTED_AT] = now
  end

  redis.call('SET', KEYS[keyAt + 1], '1', 'PXAT', int(deadline))
  redis.call('SADD', KEYS[1], id)
  redis.call('ZADD', KEYS[2], int(deadline), id)
  log(KEYS[3], device)
  redis.call('HSET', device.key, changedFields(device, reported))
  publish(KEYS[keyAt + 3], device)
  if reported then remember(KEYS[keyAt + 2], documentEntry(now, state[REPORTED_VERSION], reported, stored)) end
  return {1, wasOffline and 1 or 0, now, deadline, state[DESIRED_VERSION]}
end

local replies, anyAlive = {}, false
for i = 0, (#ARGV - 7) / 5 - 1 do
  local done, reply = pcall(beat, 5 + i * 4, 8 + i * 5)
  replies[i + 1] = done and reply or {3, errorText(reply)}
  anyAlive = anyAlive or replies[i + 1][1] == 1
end
if anyAlive then stampPulse(KEYS[4], pulse, now) end
return replies
