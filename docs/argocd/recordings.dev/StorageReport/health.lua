-- Health of a StorageReport for Argo CD: whether it is refreshed. A budget that is exceeded is not a fault of the report.
local status = obj.status or {}
local spec = obj.spec or {}

if spec.suspend then
  return { status = "Suspended", message = "spec.suspend is true." }
end
if status.observedGeneration == nil or status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "The report has not been refreshed with the newest spec yet." }
end
for _, found in ipairs(status.conditions or {}) do
  if found.type == "Ready" then
    if found.status == "True" then
      return { status = "Healthy", message = found.message }
    elseif found.status == "False" then
      return { status = "Degraded", message = found.message }
    end
  end
end
return { status = "Progressing", message = "The report has not been refreshed yet." }
