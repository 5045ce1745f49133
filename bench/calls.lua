-- Distinct modern tools/call requests, shuffled; each thread of wrk starts elsewhere. TOKEN may be empty.
local token = os.getenv("TOKEN") or ""
local COUNT = 4096
local requests, at = {}, 0
local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

local function request_text(n)
  local name = "tool" .. (n % 10)
  local meta = '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",' ..
    '"io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"},' ..
    '"io.modelcontextprotocol/clientCapabilities":{}}'
  local body = string.format(
    '{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"%s","arguments":{"q":"%s-%d"},%s}}',
    n, name, string.rep("x", n % 64), n, meta)
  local headers = {
    ["Content-Type"] = "application/json",
    ["Accept"] = "application/json, text/event-stream",
    ["MCP-Protocol-Version"] = "2026-07-28",
    ["Mcp-Method"] = "tools/call",
    ["Mcp-Name"] = name,
  }
  if token ~= "" then headers["Authorization"] = "Bearer " .. token end
  return wrk.format("POST", nil, headers, body)
end

function init(args)
  math.randomseed(number)
  for n = 1, COUNT do requests[n] = request_text(n) end
  for n = COUNT, 2, -1 do
    local other = math.random(n)
    requests[n], requests[other] = requests[other], requests[n]
  end
end

function request()
  at = at % COUNT + 1
  return requests[at]
end

function done(summary, latency, requests)
  local errors = summary.errors.connect + summary.errors.read + summary.errors.write +
    summary.errors.timeout + summary.errors.status
  io.write(string.format('RESULT {"requests":%d,"duration_us":%d,"p50_us":%d,"p99_us":%d,"errors":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors))
end
