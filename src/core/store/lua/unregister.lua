-- unregister: removes a device and all its keys, whichever program wrote them.
-- KEYS   registered types online activity log pulse layout | state heartbeat type history:reported history:desired history:presence
-- ARGV   testTime notAfter permissionCheck dialectName channel logCap maxFieldBytes layout longestTtl holdTtls | id type anyType
--        anyType: 1: the device is removed whatever its type is, because its type is not UTF-8, so no caller can give it.
--        If another program added the device to the set of that type, it stays there.
-- Reply  {now, 1}: removed; {now, 0}: the device was not registered and had no record; {now, 2, type}: the device's type
--        is not the given one but this one, so call again with it. WRONGTYPE: the device was not registered, and the key
--        of its record holds another Redis type, so it may be of another program.
-- Events offline, if the device was last announced online. The reason is timeout if its heartbeat key had expired and
--        it is not held, else unregister. If the record cannot be read (another Redis type, or a field that is too
--        large), the presence history says what was announced; if it has no entry, nothing is announced.
-- @include base
-- @include layout
-- @include record
-- @include history
-- @include announce
-- @include stamp
-- @include pulse
-- @include hold

-- Returns the time and the `seq` of the transition of a history entry, as digits; nil if the text is not of an entry.
local function readTransition(entry)
  if #entry == 19 and string.find(entry, '^%d+$') then return string.sub(entry, 1, 13), string.sub(entry, 15) end
  return string.match(entry, '^{"at":(%d+),"seq":(%d+),')
end

-- Returns a device whose record cannot be read, as the newest entry of its presence history describes it; nil if there
-- is none.
local function readFromHistory()
  local entry = redis.pcall('LINDEX', presenceHistoryKey, '-1')
  local at, seq = readTransition(textOf(entry))
  if not at then return end
  return {id = id, dialect = DIALECTS[1], state = {0, 0, 0, 0, bounded(seq), bounded(at), 0}, type = deviceType,
    lastSeen = 0, registered = ''}
end

probeKeys()
local length = redis.pcall('HLEN', stateKey)
local isHash = type(length) == 'number'
if not isHash and not string.find(length.err, 'WRONGTYPE', 1, true) then return length end
local device, oversize
if isHash then device, oversize = makeDeviceReader()(id, stateKey) end
if device and device.type ~= deviceType and anyType ~= '1' then return {now, 2, device.type} end
local isReadable = isHash and not oversize
if not isReadable then device = readFromHistory() end
if device and isAnnouncedOnline(device) then
  -- The pulse is computed only to find out whether the device is held, and not written.
  local longest, score = tonumber(longestTtl), readScore(id)
  local isHeld = holdEndOf(device, score, computePulse(readPulse(), 'settle', now, longest), now, longest)
  -- A detector that could not read the record has removed the deadline from the index. When the device timed out is then
  -- not known.
  local isDeadlineKnown = isReadable or (score or 0) > 0
  if isHeld or not isDeadlineKnown or redis.call('EXISTS', heartbeatKey) == 1 then
    addTransition(device, 'offline', now, 'unregister')
  else
    addTimeout(device, score, now)
  end
end

local removed = redis.call('SREM', registeredKey, id)
if removed == 0 and not isHash then return length end
if device then logEvents(device) end
removed = removed + redis.call('DEL', stateKey)
redis.call('DEL', heartbeatKey, reportedHistoryKey, desiredHistoryKey, presenceHistoryKey)
redis.call('SREM', onlineKey, id)
redis.call('ZREM', activityKey, id)
redis.call('SREM', typeKey, id)
if redis.call('EXISTS', typeKey) == 0 then redis.call('SREM', typesKey, deviceType) end
if device then publishEvents(device) end
return {now, removed > 0 and 1 or 0}
