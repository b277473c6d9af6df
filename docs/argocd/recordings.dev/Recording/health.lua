-- Health of a Recording for Argo CD.
local status = obj.status or {}
local spec = obj.spec or {}
local message = status.message or ""

local function condition(name)
  for _, found in ipairs(status.conditions or {}) do
    if found.type == name and found.status == "True" then
      return found
    end
  end
  return nil
end

local blocked = condition("DeletionBlocked")
if blocked ~= nil then
  return { status = "Degraded", message = blocked.message }
end
if obj.metadata.deletionTimestamp ~= nil then
  return { status = "Progressing", message = "The Recording is being deleted." }
end
if spec.suspend and status.phase ~= "Complete" and status.phase ~= "Failed" then
  return { status = "Suspended", message = "spec.suspend is true." }
end
if status.observedGeneration == nil or status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "The operator has not processed the newest spec yet." }
end
if status.phase == "Failed" then
  if status.reason == "Cancelled" then
    return { status = "Suspended", message = message }
  end
  return { status = "Degraded", message = message }
end
local stalled = condition("Stalled")
if stalled ~= nil then
  return { status = "Degraded", message = stalled.message }
end
-- A Recording that is moved is Complete and Reconciling.
if status.phase == "Complete" and condition("Reconciling") == nil then
  return { status = "Healthy", message = message }
end
return { status = "Progressing", message = message }
