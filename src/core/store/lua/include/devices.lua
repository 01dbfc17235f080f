-- Scripts that handle many devices: one device's failure is that device's reply, and the others are handled.

-- Returns the text of an error that redis.call raised. The text begins with the number of the line of the call,
-- from which script-errors.ts finds the command. Before Redis 7 the error is such a text. Since Redis 7 it is a
-- table without the line; the line is then that of stack level 4, the function that called redis.call.
local function errorText(raised)
  if type(raised) ~= 'table' then return tostring(raised) end
  local _, line = pcall(error, '', 4)
  return line .. raised.err
end

-- Calls `handle` for each device with its keys and arguments, in the order of the header, and returns the list of
-- what `handle` returns. If `handle` raises an error, `failed(text)` is in the list in its place.
local function eachDevice(handle, failed)
  local replies, handleNext = {}, deviceIterator(handle)
  for i = 1, deviceCount do
    local succeeded, reply = xpcall(handleNext, errorText)
    replies[i] = succeeded and reply or failed(reply)
  end
  return replies
end
