-- For scripts that handle many devices: if one device fails, its reply is the error, and the others are still handled.

-- Returns the text of an error that redis.call raised. The text begins with the number of the line of the call, by
-- which script-errors.ts finds the command that failed. Before Redis 7 the error is a text with the line. Since Redis 7
-- it is a table without the line, so the line is taken from stack level 4, the function that called redis.call.
local function errorText(raised)
  if type(raised) ~= 'table' then return tostring(raised) end
  local _, line = pcall(error, '', 4)
  return line .. raised.err
end

-- Calls `handle` for each device with the device's keys and arguments, in the order in which the script's header lists
-- them, and returns the list of the results. If `handle` raises an error, the result is that of `failed(text)`.
local function eachDevice(handle, failed)
  local replies, handleNext = {}, deviceIterator(handle)
  for i = 1, deviceCount do
    local succeeded, reply = xpcall(handleNext, errorText)
    replies[i] = succeeded and reply or failed(reply)
  end
  return replies
end

-- The result for a device that the script leaves to another script, which also replies its error if it has one.
local SKIPPED = -1

-- As `eachDevice`, but appends the results to `replies`, which it returns, and the result of a device that fails is
-- SKIPPED. It takes less time, because one guard catches the errors of all devices: after one it goes on with the next.
local function eachDeviceOrSkip(handle, replies)
  local handleNext, at, last = deviceIterator(handle), #replies, #replies + deviceCount
  local function handleRest()
    while at < last do
      at = at + 1
      replies[at] = SKIPPED
      replies[at] = handleNext()
    end
  end
  while not pcall(handleRest) do end
  return replies
end
