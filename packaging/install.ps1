<#
.SYNOPSIS
    Installs the programs of arize-codex @VERSION@ for one user, or replaces another version.

.DESCRIPTION
    Verifies the checksum of the archive, needs no administrator, and adds the programs to the user's Path.
    Before -Uninstall, run `arize-codex uninstall`: it restores Codex's configuration.

.PARAMETER Prefix
    Where to install. The default is %LOCALAPPDATA%\Programs\arize-codex.

.PARAMETER From
    A folder or URL with the archive and SHA256SUMS. The default is the release, or the folder of this script.

.PARAMETER Uninstall
    Removes what was installed in the prefix, and takes it off the Path.

.EXAMPLE
    .\install.ps1 -From $HOME\Downloads
#>
[CmdletBinding()]
param(
    [string] $Prefix = (Join-Path $env:LOCALAPPDATA 'Programs\arize-codex'),
    [string] $From,
    [switch] $Uninstall
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
# A progress bar makes downloads many times slower in Windows PowerShell.
$ProgressPreference = 'SilentlyContinue'

$Version = '@VERSION@'
$Release = '@RELEASE@' # where this version can be downloaded; empty if it was not published
$Bin = Join-Path $Prefix 'bin'

function Stop-Installation([string] $Message, [string] $Hint) {
    [Console]::Error.WriteLine("error: $Message")
    if ($Hint) { [Console]::Error.WriteLine("hint: $Hint") }
    exit 1
}

function Set-UserPath([string[]] $Folders) {
    [Environment]::SetEnvironmentVariable('Path', ($Folders -join ';'), 'User')
}

function Get-UserPath {
    $path = [Environment]::GetEnvironmentVariable('Path', 'User')
    if ($path) { $path.Split(';') | Where-Object { $_ } }
}

# A program that runs cannot be removed, but it can be renamed.
function Move-Away([string] $File) {
    if (-not (Test-Path $File)) { return }
    $old = "$File.$([Guid]::NewGuid().ToString('N')).old"
    Move-Item $File $old
    Remove-Item $old -ErrorAction SilentlyContinue
}

function Get-Archive([string] $Name, [string] $Folder) {
    foreach ($file in 'SHA256SUMS', $Name) {
        $to = Join-Path $Folder $file
        if ($From -match '^https?://') {
            $url = "$($From.TrimEnd('/'))/$file"
            try {
                Invoke-WebRequest -UseBasicParsing -Uri $url -OutFile $to
            } catch {
                Stop-Installation "$url cannot be downloaded: $($_.Exception.Message)" 'run the same command again, or say -From FOLDER'
            }
        } else {
            $source = Join-Path $From $file
            if (-not (Test-Path $source)) {
                Stop-Installation "``$source`` does not exist" 'say -From FOLDER or -From URL'
            }
            Copy-Item $source $to
        }
    }
}

function Test-Archive([string] $Name, [string] $Folder) {
    $line = Get-Content (Join-Path $Folder 'SHA256SUMS') | Where-Object { $_ -match "^[0-9a-f]{64}  $([regex]::Escape($Name))$" }
    if (-not $line) { Stop-Installation "SHA256SUMS has no checksum of $Name" }
    $expected = $line.Split(' ')[0]
    $actual = (Get-FileHash -Algorithm SHA256 (Join-Path $Folder $Name)).Hash.ToLowerInvariant()
    if ($actual -ne $expected) {
        Stop-Installation "the checksum of $Name is wrong: $actual instead of $expected; nothing was installed" 'the download is damaged or was tampered with: download it again'
    }
}

function Install-Programs {
    if ($env:PROCESSOR_ARCHITECTURE -ne 'AMD64') {
        Stop-Installation "there is no archive for $env:PROCESSOR_ARCHITECTURE" 'build it from source: cargo xtask install'
    }
    $folder = "arize-codex-$Version-x86_64-pc-windows-msvc"
    $work = Join-Path ([IO.Path]::GetTempPath()) ([Guid]::NewGuid().ToString('N'))
    New-Item -ItemType Directory $work | Out-Null
    try {
        Get-Archive "$folder.zip" $work
        Test-Archive "$folder.zip" $work
        Expand-Archive (Join-Path $work "$folder.zip") $work
        try {
            New-Item -ItemType Directory -Force $Bin | Out-Null
        } catch {
            Stop-Installation "``$Bin`` cannot be made: $($_.Exception.Message)" 'choose another folder with -Prefix'
        }
        Get-ChildItem (Join-Path $Bin '*.old') | Remove-Item -ErrorAction SilentlyContinue
        foreach ($program in Get-ChildItem (Join-Path $work "$folder\bin")) {
            $to = Join-Path $Bin $program.Name
            Move-Away $to
            Copy-Item $program.FullName $to
        }
        Copy-Item (Join-Path $work "$folder\install.ps1") $Prefix -Force
    } finally {
        Remove-Item -Recurse -Force $work
    }
    $path = @(Get-UserPath)
    if ($path -notcontains $Bin) { Set-UserPath ($path + $Bin) }
    Write-Output "installed arize-codex $Version in $Bin"
    Write-Output ''
    Write-Output 'Next, in a new window:'
    Write-Output '  arize-codex setup'
}

function Uninstall-Programs {
    if (-not (Test-Path (Join-Path $Prefix 'install.ps1'))) {
        Stop-Installation "nothing in ``$Prefix`` was installed by this script" 'say -Prefix'
    }
    Get-ChildItem $Bin -File | ForEach-Object { Move-Away $_.FullName }
    Remove-Item -Recurse -Force $Prefix
    Set-UserPath @(Get-UserPath | Where-Object { $_ -ne $Bin })
    Write-Output "removed arize-codex from $Prefix"
}

if (-not $From) { $From = if ($Release) { $Release } elseif ($PSScriptRoot) { $PSScriptRoot } else { '.' } }
if ($Uninstall) { Uninstall-Programs } else { Install-Programs }
