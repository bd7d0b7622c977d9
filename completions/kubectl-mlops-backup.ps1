# PowerShell completion of kubectl-mlops-backup: run this file in your profile.
Register-ArgumentCompleter -Native -CommandName 'kubectl-mlops-backup' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Where-Object { $_.Extent.StartOffset -lt $cursorPosition } | ForEach-Object { $_.Extent.Text })
    $program = $words[0]
    $before = @($words | Select-Object -Skip 1)
    $current = ''
    if ($before.Count -gt 0 -and $commandAst.Extent.EndOffset -ge $cursorPosition) {
        $current = $before[-1]
        $before = @($before | Select-Object -SkipLast 1)
    }
    # Older versions pass an empty word only in quotes.
    $last = if ($current -eq '' -and $PSVersionTable.PSVersion -lt [version]'7.3') { '""' } else { $current }
    $previous = $env:MLOPS_COMPLETE
    $env:MLOPS_COMPLETE = 'direct'
    try { $answer = @(& $program __complete @before $last 2>$null) } finally { $env:MLOPS_COMPLETE = $previous }
    if ($answer.Count -eq 0 -or $answer[-1] -notmatch '^:\d+$') { return }
    # Values come alone: what stands before them stays.
    $flag = if ($current -match '^(-[^=]*=)') { $Matches[1] } else { '' }
    $answer | Select-Object -SkipLast 1 | ForEach-Object {
        $value, $help = $_ -split "`t", 2
        if (-not $help) { $help = $value }
        [System.Management.Automation.CompletionResult]::new("$flag$value", $value, 'ParameterValue', $help)
    }
}
