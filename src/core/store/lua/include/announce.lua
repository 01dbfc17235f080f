-- Presence events. `seq` counts a device's transitions; it is odd if the last one announced the device online. A
-- script first adds transitions to the device in memory and then writes all of them, so that the record, the log,
-- the messages and the history agree. History is written last, because nothing depends on it, and only if
-- `device.history` is set, the key of its list.
local function isAnnouncedOnline(device) return device.state[SEQ] % 2 == 1 end

-- Returns the newest entry of the device's presence history. It is read once, before the first write.
local function readNewestPresenceEntry(device)
  if device.history and device.newest == nil then device.newest = readNewestEntry(device.history) end
  return device.newest
end

-- Adds a transition. If `unknownSince` is given, the device's presence between then and `now` is not known.
local function addTransition(device, status, at, reason, unknownSince, now)
  readNewestPresenceEntry(device)
  local state = device.state
  local event = {status = status, at = int(at), reason = reason, seq = int(state[SEQ] + 1),
    previous = int(state[PRESENCE_AT])}
  if unknownSince and unknownSince < now then event.unknown = formatUnknown(unknownSince, now) end
  state[SEQ], state[PRESENCE_AT] = state[SEQ] + 1, at
  if device.events then table.insert(device.events, event) else device.events = {event} end
end

-- Returns the last time at which any program noted a heartbeat of the device or registered it.
local function lastContactAt(device) return math.max(device.lastSeen, registeredAt(device)) end

-- Adds "online", for a heartbeat. The device has been offline since its last transition or its registration, unless
-- another program noted a heartbeat since: then the heartbeat key exists (`isAlive`) or `lastSeen` is later.
local function addOnline(device, isAlive, now)
  local since = device.state[PRESENCE_AT]
  local contactAt = device.state[SEQ] == 0 and device.lastSeen or lastContactAt(device)
  addTransition(device, 'online', now, 'heartbeat', (isAlive or contactAt > since) and since, now)
end

-- Adds "offline". The device was online until `score`, the deadline in the index. If another program writes this
-- device's heartbeats, it may have been online longer or offline in between, so the time since is unknown.
local function addOffline(device, at, reason, score, now)
  local deadline = math.min(math.max(score or 0, device.state[PRESENCE_AT]), now)
  local newest = readNewestPresenceEntry(device)
  local isShared = lastContactAt(device) >= (score or 0) or newest and not string.find(newest, '"heartbeat"}', 1, true)
  addTransition(device, 'offline', at, reason, isShared and deadline, now)
end

-- Adds "offline" for a device whose heartbeat key has expired. The time of the event is the deadline, but not before
-- the last heartbeat or transition, and not in the future.
local function addTimeout(device, score, now)
  local at = math.min(math.max(score or 0, device.lastSeen, device.state[PRESENCE_AT]), now)
  addOffline(device, at, 'timeout', score, now)
end

-- Returns the device's score in the index, or nil if the index does not contain the device.
local function readScore(id) return tonumber(redis.call('ZSCORE', activityKey, id)) end

-- Appends the transitions to the log, and notes the id of each log entry.
local function logEvents(device)
  if not device.events then return end
  for _, event in ipairs(device.events) do
    event.id = redis.call('XADD', logKey, 'MAXLEN', '~', logCap, '*', 'deviceId', device.id, 'deviceType', device.type,
      'status', event.status, 'timestamp', event.at, 'seq', event.seq, 'reason', event.reason,
      'previous', event.previous)
  end
end

-- Publishes the transitions and appends them to the device's history.
local function publishEvents(device)
  if not device.events then return end
  local dialect = device.dialect
  for _, event in ipairs(device.events) do
    redis.call('PUBLISH', channel,
      '{"type":"presence","' .. dialect.id .. '":' .. jsonString(device.id) .. ',"status":"' .. event.status
      .. '","timestamp":' .. formatInstant(dialect, tonumber(event.at)) .. ',"' .. dialect.type .. '":'
      .. jsonString(device.type) .. ',"seq":' .. event.seq .. ',"reason":"' .. event.reason .. '"}')
    if device.history then
      appendEntry(device.history, '{"at":' .. event.at .. ',"seq":' .. event.seq .. ',"status":"' .. event.status
        .. '","reason":"' .. event.reason .. '"' .. (event.unknown or '') .. '}')
    end
  end
end
