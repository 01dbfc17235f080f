-- Presence events. A transition is a change of a device between online and offline. `seq` counts the transitions of a
-- device; it is odd if the last one announced the device online. A script first adds transitions to the device in
-- memory and then writes all of them, so that the record, the log, the messages and the history agree. The history is
-- written last, because nothing depends on it, and only if `device.history`, the key of its list, is set.
local function isAnnouncedOnline(device) return device.state[SEQ] % 2 == 1 end

-- Returns the newest entry of the device's presence history. The entry is read only once, and must be read before the
-- script's first write: the read fails if the key holds no list, and Redis does not undo writes.
local function readNewestPresenceEntry(device)
  if device.history and device.newest == nil then device.newest = readNewestEntry(device.history) end
  return device.newest
end

-- Returns the history entry for a transition. The status is not in a short entry: it is online if `seq` is odd.
local function formatEntry(event)
  if not event.unknown and #event.at == 13 and #event.seq <= 5 then
    local digits = {heartbeat = '1', timeout = '2', disconnect = '3', observed = '4'}
    return event.at .. digits[event.reason] .. string.rep('0', 5 - #event.seq) .. event.seq
  end
  return '{"at":' .. event.at .. ',"seq":' .. event.seq .. ',"status":"' .. event.status
    .. '","reason":"' .. event.reason .. '"' .. (event.unknown or '') .. '}'
end

-- Returns whether a heartbeat made the transition of a history entry, and nothing before it is unknown.
local function isOfHeartbeat(entry)
  return string.find(entry, '^%d+1%d%d%d%d%d$') or string.find(entry, '"heartbeat"}', 1, true)
end

-- Adds a transition to the device in memory. If `unknownSince` (ms) is given, it is not known whether the device was
-- online between `unknownSince` and `now`, because another program may have changed it; the history notes that.
local function addTransition(device, status, at, reason, unknownSince, now)
  readNewestPresenceEntry(device)
  local state = device.state
  local event = {status = status, at = int(at), reason = reason, seq = int(state[SEQ] + 1),
    previous = int(state[PRESENCE_AT])}
  if unknownSince and unknownSince < now then event.unknown = formatUnknown(unknownSince, now) end
  state[SEQ], state[PRESENCE_AT] = state[SEQ] + 1, at
  if device.events then table.insert(device.events, event) else device.events = {event} end
end

-- Returns the last time (epoch ms) at which devstate or another program noted a heartbeat of the device or registered
-- it.
local function lastContactAt(device) return math.max(device.lastSeen, registeredAt(device)) end

-- Adds the transition "online" for a heartbeat. Until now the device was offline, except if another program noted a
-- heartbeat of it or registered it again after its last transition. Then its heartbeat key exists (`isAlive`) or its
-- last contact is later than the transition, and it is not known whether it was online in between.
local function addOnline(device, isAlive, now)
  local since = device.state[PRESENCE_AT]
  local contactAt = device.state[SEQ] == 0 and device.lastSeen or lastContactAt(device)
  addTransition(device, 'online', now, 'heartbeat', (isAlive or contactAt > since) and since, now)
end

-- Returns a stored time; 0 if it is in the future, because the clock was set back.
local function past(time, now) return time <= now and time or 0 end

-- Adds the transition "offline". The device was online until `score`, the deadline in the index. If another program
-- writes heartbeats of the device, it may have been online longer, so its presence after the deadline is not known.
local function addOffline(device, at, reason, score, now)
  local deadline = math.min(math.max(score or 0, past(device.state[PRESENCE_AT], now)), now)
  local newest = readNewestPresenceEntry(device)
  local hasForeignHeartbeats = lastContactAt(device) >= (score or 0)
    or newest and not isOfHeartbeat(newest)
  addTransition(device, 'offline', at, reason, hasForeignHeartbeats and deadline, now)
end

-- Adds the transition "offline" for a device whose heartbeat key has expired. The time of the event is `score`, the
-- deadline in the index, but not before the device's last heartbeat or transition, and not in the future.
local function addTimeout(device, score, now)
  local at = math.min(math.max(score or 0, past(device.lastSeen, now), past(device.state[PRESENCE_AT], now)), now)
  addOffline(device, at, 'timeout', score, now)
end

-- Returns the device's score in the index (if it is online, its deadline in ms), or nil if the index does not contain
-- it.
local function readScore(id) return tonumber(redis.call('ZSCORE', activityKey, id)) end

-- Returns the device's type for an announcement: '' if it is longer than a type may be. The record may hold any text that
-- another program wrote, and the log and the messages are read by the whole fleet.
local function announcedType(device) return #device.type <= 256 and device.type or '' end

-- Redis trims a log to whole nodes of 100 entries where it may, which is faster. A short log is trimmed exactly: the
-- logs of many partitions would else keep many times as much as the fleet's cap.
local LOG_TRIM = tonumber(logCap) < 1000 and '=' or '~'

-- Appends the transitions that were added to the device to the log, and notes in each the id of its log entry.
local function logEvents(device)
  if not device.events then return end
  for _, event in ipairs(device.events) do
    event.id = redis.call('XADD', logKey, 'MAXLEN', LOG_TRIM, logCap, '*', 'deviceId', device.id,
      'deviceType', announcedType(device), 'status', event.status,
      'timestamp', event.at, 'seq', event.seq, 'reason', event.reason,
      'previous', event.previous)
  end
end

-- Publishes the transitions that were added to the device, and appends them to the device's history, whose cap is
-- `presenceCap`; it is not needed where `device.history` is not set.
local function publishEvents(device, presenceCap)
  if not device.events then return end
  local dialect = device.dialect
  for _, event in ipairs(device.events) do
    redis.call('PUBLISH', channel,
      '{"type":"presence","' .. dialect.id .. '":' .. jsonString(device.id) .. ',"status":"' .. event.status
      .. '","timestamp":' .. formatInstant(dialect, tonumber(event.at)) .. ',"' .. dialect.type .. '":'
      .. jsonString(announcedType(device)) .. ',"seq":' .. event.seq .. ',"reason":"' .. event.reason .. '"}')
    if device.history then appendEntry(device.history, formatEntry(event), presenceCap) end
  end
end
