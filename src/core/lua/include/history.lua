-- One entry of a history list, which never holds more than its cap; a cap of 0 keeps none.
local function remember(key, entry)
  local cap = tonumber(ARGV[5])
  if cap > 0 then
    local length = redis.call('RPUSH', key, entry)
    if length > cap then redis.call('LTRIM', key, '-' .. ARGV[5], '-1') end
  end
end

-- `first`: nothing but the registration's empty document came before it.
local function documentEntry(at, version, text, before)
  local first = version == 1 and (before == '' or before == '{}') and ',"first":true' or ''
  return '{"at":' .. int(at) .. ',"version":' .. int(version) .. first .. ',"value":' .. text .. '}'
end
